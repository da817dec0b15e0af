"""One layer of a poll: prints the CPU time of a poll that goes through it, slice by slice.

``python -m benchmarks.contenders.layers NAME PORT``. Each contender adds one layer of the
library to the one before; "loop" has none, and shows what asyncio and the system take.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import cast

import aiohttp
import msgspec

from altcraft_async.api.assembly import assemble
from altcraft_async.api.options import CheckedOptions
from altcraft_async.protocol.endpoints import TASK_STATUS
from altcraft_async.protocol.messages import Request
from altcraft_async.protocol.token import Token
from altcraft_async.transport.cookies import PlatformCookies
from altcraft_async.transport.fast_exchange import FastConnections
from altcraft_async.transport.http import Limits, Transport
from altcraft_async.transport.session_exchange import LONGEST_IDLE
from benchmarks.contenders.measurement import (
    CONCURRENCY,
    TOKEN,
    poll_body,
    print_slices,
    task_ids,
    url_of,
)
from benchmarks.contenders.polls import POLL, POLLS

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Connection(asyncio.Protocol):
    """A connection that knows no HTTP but where a body begins."""

    def __init__(self) -> None:
        """Expect no answer yet."""
        self._answered: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for requests."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take an answer, which comes in one piece."""
        assert self._answered is not None
        self._answered.set_result(data)

    async def post(self, head: bytes, body: bytes) -> bytes:
        """Send a request and return the body of the answer."""
        self._answered = self._loop.create_future()
        self._transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
        return (await self._answered).partition(b"\r\n\r\n")[2]


async def loop(port: int) -> None:
    """Use no HTTP library, and check nothing."""
    head = (
        b"POST /api/v1.1/tasks/status HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: floor\r\n"
        b"Content-Type: application/json\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n"
    )
    running = asyncio.get_running_loop()
    idle = [
        (await running.create_connection(Connection, "127.0.0.1", port))[1]
        for _ in range(CONCURRENCY)
    ]

    async def poll(task_id: str) -> None:
        connection = idle.pop()
        assert _decode(await connection.post(head, _encode(poll_body(task_id))))["error"] == 0
        idle.append(connection)

    await _polls(poll)


async def exchange(port: int) -> None:
    """Send through the library's connections: aiohttp's connector and parser."""
    connections = FastConnections(
        _root(port), PlatformCookies(), ssl_context=True, timeout=aiohttp.ClientTimeout()
    )

    async def poll(task_id: str) -> None:
        one = connections.begin(_request(task_id), LONGEST_IDLE)
        answer = await one.answer()
        body = answer.content.read_nowait()
        one.end(is_whole=answer.content.at_eof())
        assert _decode(body)["error"] == 0

    await _polls(poll)


async def transport(port: int) -> None:
    """Add limits of time and size, and the table of errors."""
    sending = Transport(_root(port), limits=Limits())

    async def poll(task_id: str) -> None:
        assert _decode((await sending.exchange(_request(task_id))).body)["error"] == 0

    await _polls(poll)


async def sender(port: int) -> None:
    """Add what an API method needs: request, masked token, outages, rate; a typed decoder."""
    parts = assemble(_root(port), Token(TOKEN), CheckedOptions())
    parts.lifecycle.enter()

    async def poll(task_id: str) -> None:
        assert (await parts.sender.attempt(TASK_STATUS, {"task_id": task_id})).name

    await _polls(poll)


async def _polls(poll: Callable[[str], Awaitable[None]]) -> None:
    polls, ids = 0, task_ids()

    async def poll_forever() -> None:
        nonlocal polls
        while True:
            await poll(ids[polls % len(ids)])
            polls += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(poll_forever())
        await print_slices(lambda: polls, POLL, units=POLLS)


def _root(port: int) -> str:
    return f"{url_of(port)}/api/v1.1"


def _request(task_id: str) -> Request:
    body = _encode(poll_body(task_id))
    return Request(path="tasks/status", content_type="application/json", body=body)


CONTENDERS: Mapping[str, Callable[[int], Coroutine[None, None, None]]] = {
    "loop": loop,
    "exchange": exchange,
    "transport": transport,
    "sender": sender,
}

if __name__ == "__main__":
    asyncio.run(CONTENDERS[sys.argv[1]](int(sys.argv[2])))
