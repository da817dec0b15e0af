"""A platform on which three of ten requests fail, each in one of a dozen ways.

``python -m benchmarks.servers.faulty_server SEED`` prints its port, and on
SIGTERM the number of requests and of each fault. ``POST /state`` returns how
often each resource was started since the previous call, and the number of
other open connections.
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

from benchmarks.servers.bodies import BODIES, refused
from benchmarks.servers.fast_server import serve
from benchmarks.servers.faults import PROCESSED, Fault, Faults
from benchmarks.servers.refreshes import Refreshes
from benchmarks.servers.requests import Request, parse_request

STATE_PATH = "/state"

_RETRY_AFTER = b"Retry-After: 1\r\n"
_NO_LINGER = struct.pack("ii", 1, 0)
_PROXY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


class Platform:
    """The state that all connections share."""

    def __init__(self, seed: int) -> None:
        """Begin with nothing."""
        self.faults = Faults(seed)
        self.refreshes = Refreshes(seed)
        self.connections: set[Connection] = set()

    def counts(self) -> Mapping[str, float]:
        """Return the number of requests, and how often each fault occurred."""
        faults = {fault.value: self.faults.counts[fault] for fault in Fault}
        return {"requests": self.faults.requests, **faults}

    def state(self) -> bytes:
        """Return the starts since the previous call, and the other open connections."""
        starts = dict(self.refreshes.starts)
        self.refreshes.starts.clear()
        return json.dumps({"starts": starts, "connections": len(self.connections) - 1}).encode()


class Connection(asyncio.Protocol):
    """One connection, until it fails."""

    def __init__(self, platform: Platform) -> None:
        """Serve this platform."""
        self._platform = platform
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._platform.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """Unregister the connection."""
        self._platform.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Serve every complete request."""
        self._received += data
        while (parsed := parse_request(self._received)) is not None:
            request, self._received = parsed
            if request.path == STATE_PATH.encode():
                self._transport.write(_response(200, "json", self._platform.state()))
            else:
                self._serve(request)

    def _serve(self, request: Request) -> None:
        refreshes, faults = self._platform.refreshes, self._platform.faults
        fault = faults.draw(time.monotonic(), task_unknown=refreshes.task_unknown(request))
        body = refreshes.process(request) if fault is None or fault in PROCESSED else b""
        match fault:
            case Fault.STALLED:
                pass
            case Fault.RESET_BEFORE | Fault.RESET_AFTER:
                self._reset()
            case Fault.CUT:
                response = _response(200, request.wire_format, body)
                self._transport.write(response[: -len(body) // 2])
                self._transport.close()
            case _:
                self._transport.write(self._full_response(fault, request.wire_format, body))

    def _full_response(self, fault: Fault | None, wire_format: str, body: bytes) -> bytes:
        """Return a response that is complete at the level of HTTP."""
        if fault in _CONSTANT_RESPONSES:
            return _CONSTANT_RESPONSES[fault][wire_format]
        if fault is Fault.GARBAGE:
            body = self._platform.faults.garbage()
        elif fault is Fault.HALVED:
            body = body[: len(body) // 2]
        return _response(200, wire_format, body)

    def _reset(self) -> None:
        """Close with RST instead of FIN."""
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


_CONSTANT_RESPONSES: Mapping[Fault | None, Mapping[str, bytes]] = {
    Fault.PROXY_PAGE: dict.fromkeys(BODIES, _response(502, "html", _PROXY_PAGE)),
    Fault.BUSY_FORMATTED: _refusal(503, 503, "Try again later"),
    Fault.BUSY_EMPTY: dict.fromkeys(BODIES, _response(503, "html", b"")),
    Fault.UNKNOWN: _refusal(200, 404, "No such task"),
    Fault.THROTTLED: _refusal(429, 429, "Too many requests"),
    Fault.THROTTLED_FOR: dict.fromkeys(BODIES, _response(429, "html", b"", _RETRY_AFTER)),
}


if __name__ == "__main__":
    served = Platform(int(sys.argv[1]))
    uvloop.run(serve(lambda: Connection(served), served.counts))
