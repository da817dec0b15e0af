"""The cheapest HTTP server that will do, so that the client is what is measured.

``python -m benchmarks.serving.server KIND`` prints its port, and on SIGTERM
what it counted. It reads POST requests with a Content-Length on kept
connections and looks at nothing that the platform of that kind does not need.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import cast

import uvloop

from benchmarks.serving.platforms import PLATFORMS, Platform

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "


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
        while (request := self._cut()) is not None:
            answers.append(_response(self._platform.answer(*request)))
        if answers and self._transport is not None:
            self._transport.write(b"".join(answers))

    def _cut(self) -> tuple[bool, bytes] | None:
        """Take one request off: whether it is a look, and its body."""
        head, found, rest = self._arrived.partition(_END_OF_HEAD)
        if not found:
            return None
        length = int(head.lower().partition(_LENGTH)[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return None
        self._arrived = rest[length:]
        return b"tasks/status" in head, rest[:length]


def _response(answer: tuple[bytes, bytes]) -> bytes:
    content_type, body = answer
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        content_type,
        len(body),
        body,
    )


async def serve(platform: Platform) -> None:
    """Listen on a free port of this machine until SIGTERM."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(lambda: Connection(platform), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    print(json.dumps({"starts": platform.starts, "looks": platform.looks}), flush=True)


if __name__ == "__main__":
    uvloop.run(serve(PLATFORMS[sys.argv[1]]()))
