"""A platform that fails three requests of ten, each in one of a dozen ways.

``python -m benchmarks.serving.faulty SEED`` prints its port, and on SIGTERM
how many requests there were and how often each fault came true. Whoever asks
``/counted`` is told how often each resource was started since it was last
asked, and how many other connections are open.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
import time
from collections.abc import Mapping
from typing import cast

import uvloop

from benchmarks.serving.bodies import BODIES, refused
from benchmarks.serving.faults import ACTED_ON, Fault, Faults
from benchmarks.serving.recounts import Refreshes, wire_format
from benchmarks.serving.requests import Request, cut
from benchmarks.serving.server import serve

COUNTED = "/counted"

_RETRY_AFTER = b"Retry-After: 1\r\n"
_NO_LINGER = struct.pack("ii", 1, 0)
_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


class Platform:
    """What all connections share."""

    def __init__(self, seed: int) -> None:
        """Begin with nothing."""
        self.faults = Faults(seed)
        self.recounts = Refreshes(seed)
        self.connections: set[Connection] = set()

    def counts(self) -> Mapping[str, float]:
        """Return how many requests there were, and how often each fault came true."""
        fired = {fault.value: self.faults.counts[fault] for fault in Fault}
        return {"requests": self.faults.requests, **fired}

    def counted(self) -> bytes:
        """Return the starts since this was last asked, and connections beyond the asker's."""
        starts = dict(self.recounts.starts)
        self.recounts.starts.clear()
        return json.dumps({"starts": starts, "connections": len(self.connections) - 1}).encode()


class Connection(asyncio.Protocol):
    """One connection, until it fails."""

    def __init__(self, platform: Platform) -> None:
        """Ask this platform."""
        self._platform = platform
        self._arrived = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be counted."""
        self._transport = cast("asyncio.Transport", transport)
        self._platform.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- however it went
        """Be counted no more."""
        self._platform.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Serve every request that is complete."""
        self._arrived += data
        while (found := cut(self._arrived)) is not None:
            request, self._arrived = found
            if request.path == COUNTED.encode():
                self._transport.write(_response(200, "json", self._platform.counted()))
            else:
                self._serve(request)

    def _serve(self, request: Request) -> None:
        recounts, faults = self._platform.recounts, self._platform.faults
        fault = faults.draw(time.monotonic(), lags=recounts.lags(request))
        body = recounts.answer(request) if fault is None or fault in ACTED_ON else b""
        in_format = wire_format(request)
        match fault:
            case Fault.STALLED:
                pass
            case Fault.RESET_BEFORE | Fault.RESET_AFTER:
                self._reset()
            case Fault.CUT:
                response = _response(200, in_format, body)
                self._transport.write(response[: -len(body) // 2])
                self._transport.close()
            case _:
                self._transport.write(self._misled(fault, in_format, body))

    def _misled(self, fault: Fault | None, in_format: str, body: bytes) -> bytes:
        """Return a whole answer, though not always the right one."""
        if fault in _ALWAYS_THE_SAME:
            return _ALWAYS_THE_SAME[fault][in_format]
        if fault is Fault.GARBAGE:
            body = self._platform.faults.garbage()
        elif fault is Fault.HALVED:
            body = body[: len(body) // 2]
        return _response(200, in_format, body)

    def _reset(self) -> None:
        """Close so that the other side gets a RST, no FIN."""
        own: socket.socket = self._transport.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()


def _response(status: int, content: str, body: bytes, headers: bytes = b"") -> bytes:
    content_type = BODIES[content].content_type if content in BODIES else b"text/html"
    return b"HTTP/1.1 %d Words\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n%b" % (
        status,
        content_type,
        len(body),
        headers,
        body,
    )


def _refusal(http_status: int, code: int, text: str) -> Mapping[str, bytes]:
    return {name: _response(http_status, name, refused(name, code, text)) for name in BODIES}


_ALWAYS_THE_SAME: Mapping[Fault | None, Mapping[str, bytes]] = {
    Fault.PAGE: dict.fromkeys(BODIES, _response(502, "html", _PAGE)),
    Fault.BUSY_SAYING: _refusal(503, 503, "Try again later"),
    Fault.BUSY_EMPTY: dict.fromkeys(BODIES, _response(503, "html", b"")),
    Fault.UNKNOWN: _refusal(200, 404, "No such task"),
    Fault.THROTTLED: _refusal(429, 429, "Too many requests"),
    Fault.THROTTLED_FOR: dict.fromkeys(BODIES, _response(429, "html", b"", _RETRY_AFTER)),
}


if __name__ == "__main__":
    asked = Platform(int(sys.argv[1]))
    uvloop.run(serve(lambda: Connection(asked), asked.counts))
