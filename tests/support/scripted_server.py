"""A raw HTTP server that does exactly what a script says, one step per request.

Whatever goes wrong on a real network, a step can do: answer with any bytes, in
pieces, wait, hang up, reset, never answer. The server keeps what it received
and what it was not asked for, so a test can tell that every fault really fired.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from tests.support.listener import Listener

Then = Literal["keep", "close", "reset", "hang", "deaf", "drip", "endless"]


class Step(NamedTuple):
    """What the server does with one request.

    Attributes:
        sends: Bytes to send.
        then: What follows: await the next request, hang up, reset the
            connection, send nothing more and keep it open, not even read from
            it, or go on sending without an end, slowly or fast.
        again: What to go on with.
        after: Sent only once this event is set.
        on_accept: Done to a new connection, without reading a request.
    """

    sends: bytes = b""
    then: Then = "keep"
    again: bytes = b"x"
    after: asyncio.Event | None = None
    on_accept: bool = False


class Received(NamedTuple):
    """One request as it came.

    Attributes:
        method: In the request line.
        target: Path and query in the request line.
        headers: By lower-case name.
        body: All of it.
        connection: Which connection it came over, counted from 1.
        at: Loop time of its arrival.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    at: float


def answer(
    body: bytes | str = b"",
    *,
    status: str = "200 OK",
    content_type: str = "application/json",
    headers: Iterable[str] = (),
) -> Step:
    """Return a step with a whole, well-formed answer."""
    body = body.encode() if isinstance(body, str) else body
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return Step("\r\n".join([*lines, "", ""]).encode() + body)


class ScriptedServer(Listener[Received]):
    """Listens on a free port of 127.0.0.1 and follows a script.

    Attributes:
        received: All requests, as they came.
        connections: How many were made.
        otherwise: Decides what is done with a request beyond the script.
    """

    def __init__(self, *, ssl_context: ssl.SSLContext | None = None) -> None:
        """Begin with an empty script; `script` adds to it."""
        super().__init__(ssl_context=ssl_context)
        self.received: list[Received] = []
        self.connections = 0
        self.otherwise: Callable[[Received], Step] = _hang_up
        self._steps: deque[Step] = deque()

    def script(self, *steps: Step) -> None:
        """Do these as well, one per request, in this order over all connections."""
        self._steps.extend(steps)

    @property
    def unfired(self) -> tuple[Step, ...]:
        """Steps that no request has asked for yet."""
        return tuple(self._steps)

    @property
    def targets(self) -> list[str]:
        """Path and query of every request received."""
        return [request.target for request in self.received]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection, going_on = self.connections, True
        if self._steps and self._steps[0].on_accept:
            going_on = await _do(self._steps.popleft(), reader, writer)
        while going_on:
            request = await _read(reader, connection)
            async with self._news:
                self.received.append(request)
                self._news.notify_all()
            step = self._steps.popleft() if self._steps else self.otherwise(request)
            going_on = await _do(step, reader, writer)


def _hang_up(_request: Received) -> Step:
    """Do what no client takes for an answer."""
    return Step(then="reset")


async def _read(reader: asyncio.StreamReader, connection: int) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    pairs = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    at = asyncio.get_running_loop().time()
    return Received(method, target, headers, body, connection, at)


async def _do(step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Do what the step says; return whether the connection goes on."""
    if step.after is not None:
        await step.after.wait()
    writer.write(step.sends)
    await writer.drain()
    while step.then in ("drip", "endless"):
        writer.write(step.again)
        await writer.drain()
        # A drip is slow by nature; the tests that use it let time jump.
        await asyncio.sleep(0.1 if step.then == "drip" else 0)
    match step.then:
        case "hang":
            await reader.read()
        case "deaf":
            await asyncio.Event().wait()
        case "close":
            writer.close()
            await writer.wait_closed()
        case "reset":
            # A socket that lingers for no time says RST in place of FIN.
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        case _:
            return True
    return False
