"""The cheapest HTTP server that will do, so that the client is what is measured.

``python -m benchmarks.serving.server KIND`` prints its port, and on SIGTERM
what it counted. It reads POST requests with a Content-Length on kept
connections and polls nothing that the platform of that kind does not need.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Mapping
from typing import cast

import uvloop

from benchmarks.serving.platforms import PLATFORMS, Platform
from benchmarks.serving.requests import cut


class Connection(asyncio.Protocol):
    """One kept connection: cuts requests out of what arrives and writes the answers."""

    def __init__(self, platform: Platform) -> None:
        """Ask this platform."""
        self._platform = platform
        self._arrived = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._arrived += data
        answers: list[bytes] = []
        while (found := cut(self._arrived)) is not None:
            request, self._arrived = found
            answers.append(_response(self._platform.answer(request.is_poll, request.body)))
        if answers and self._transport is not None:
            self._transport.write(b"".join(answers))


def _response(answer: tuple[bytes, bytes]) -> bytes:
    content_type, body = answer
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
    asked = PLATFORMS[sys.argv[1]]()
    uvloop.run(
        serve(lambda: Connection(asked), lambda: {"starts": asked.starts, "polls": asked.polls})
    )
