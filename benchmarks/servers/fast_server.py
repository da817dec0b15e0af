"""A minimal HTTP server, so that the client is what is measured.

``python -m benchmarks.servers.fast_server PLATFORM [LATENCY]`` prints its port, and on
SIGTERM its numbers of starts and polls. It reads POST requests with a
Content-Length on kept-alive connections. It holds back each request, and each response,
for half of the latency, as a distant server would get and give them.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Mapping
from typing import cast

import uvloop

from benchmarks.servers.platforms import PLATFORMS, Platform
from benchmarks.servers.requests import Request, parse_request


class Connection(asyncio.Protocol):
    """One kept-alive connection."""

    def __init__(self, platform: Platform, latency: float) -> None:
        """Serve this platform, so many seconds away."""
        self._platform = platform
        self._one_way = latency / 2
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for responses."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        self._received += data
        responses: list[bytes] = []
        while (parsed := parse_request(self._received)) is not None:
            request, self._received = parsed
            if self._one_way:
                asyncio.get_running_loop().call_later(self._one_way, self._arrive, request)
            else:
                responses.append(_response(*self._platform.answer(request)))
        if responses:
            self._transport.write(b"".join(responses))

    def _arrive(self, request: Request) -> None:
        response = _response(*self._platform.answer(request))
        asyncio.get_running_loop().call_later(self._one_way, self._transport.write, response)


def _response(content_type: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        content_type,
        len(body),
        body,
    )


async def serve(
    connect: Callable[[], asyncio.Protocol], counts: Callable[[], Mapping[str, float]]
) -> None:
    """Listen on a free port of this machine until SIGTERM, then print the counts."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(connect, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    print(json.dumps(counts()), flush=True)


if __name__ == "__main__":
    served = PLATFORMS[sys.argv[1]]()
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0  # noqa: PLR2004 -- as documented
    uvloop.run(
        serve(
            lambda: Connection(served, seconds),
            lambda: {"starts": served.starts, "polls": served.polls},
        )
    )
