"""A minimal HTTP server, so that the client is what is measured.

``python -m benchmarks.servers.fast_server PLATFORM`` prints its port, and on
SIGUSR1 and SIGTERM what it has counted. It reads POST requests with a
Content-Length on kept-alive connections. Several processes can share a port.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import ssl
from collections.abc import Callable, Mapping
from typing import cast

import uvloop

from benchmarks.servers.platforms import PLATFORMS, Platform
from benchmarks.servers.requests import parse_request


class Behaviour(argparse.Namespace):
    """The command line.

    Attributes:
        platform: A name in `PLATFORMS`.
        port: 0 for any that is free.
        latency: Seconds from a request to its answer.
        close_idle: Shortest and longest time until an idle connection is
            closed, in seconds; empty to keep it.
        certificate: Of a TLS server, with its key; empty for plain TCP.
    """

    platform: str
    port: int
    latency: float
    close_idle: list[float]
    certificate: str


class Connection(asyncio.Protocol):
    """One kept-alive connection."""

    def __init__(self, platform: Platform, behaviour: Behaviour) -> None:
        """Serve this platform."""
        self._platform, self._behaviour = platform, behaviour
        self._received = b""
        self._transport: asyncio.Transport
        self._closing: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for responses; a TLS handshake is over by now."""
        self._transport = cast("asyncio.Transport", transport)
        self._platform.connections += 1

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        if self._closing is not None:
            self._closing.cancel()
        self._received += data
        responses: list[bytes] = []
        while (parsed := parse_request(self._received)) is not None:
            request, self._received = parsed
            responses.append(_response(*self._platform.answer(request)))
        if not responses:
            return
        if self._behaviour.latency:
            self._loop.call_later(self._behaviour.latency, self._write, b"".join(responses))
        else:
            self._write(b"".join(responses))

    def _write(self, answers: bytes) -> None:
        if self._transport.is_closing():  # a client that stops waiting hangs up
            return
        self._transport.write(answers)
        if not self._behaviour.close_idle:
            return
        after = random.uniform(*self._behaviour.close_idle)  # noqa: S311 -- any moment will do
        if not after:
            self._transport.close()
        else:
            self._closing = self._loop.call_later(after, self._transport.close)


def _response(content_type: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        content_type,
        len(body),
        body,
    )


async def serve(
    connect: Callable[[], asyncio.Protocol],
    counts: Callable[[], Mapping[str, float]],
    *,
    port: int = 0,
    ssl_context: ssl.SSLContext | None = None,
) -> None:
    """Listen on this machine until SIGTERM; print the counts then and at each SIGUSR1."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def tell() -> None:
        print(json.dumps(counts()), flush=True)

    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGUSR1, tell)
    server = await loop.create_server(
        connect, "127.0.0.1", port, backlog=1024, reuse_port=True, ssl=ssl_context
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    tell()


def _behaviour() -> Behaviour:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("platform", choices=PLATFORMS)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--close-idle", type=float, nargs=2, default=[])
    parser.add_argument("--certificate", default="")
    return parser.parse_args(namespace=Behaviour())


async def _main(behaviour: Behaviour) -> None:
    platform, context = PLATFORMS[behaviour.platform](), None
    platform.ahead = behaviour.latency / 2
    if behaviour.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(behaviour.certificate)
    await serve(
        lambda: Connection(platform, behaviour),
        lambda: {
            "starts": platform.starts,
            "polls": platform.polls,
            "connections": platform.connections,
        },
        port=behaviour.port,
        ssl_context=context,
    )


if __name__ == "__main__":
    uvloop.run(_main(_behaviour()))
