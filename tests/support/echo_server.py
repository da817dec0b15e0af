"""A platform whose every answer says which request it belongs to.

A poll is answered with the id of its task as the status, a start of resource 24
with the task ``t24``. So a test can tell whether an answer got to another request.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from altcraft_async import AltcraftClient
from tests.support.listener import Listener

Respond = Callable[[str, asyncio.StreamWriter], Awaitable[bool]]
"""Answers the request about this task; returns whether the connection goes on."""


def body_about(task_id: str) -> bytes:
    """Return a body that answers a poll and a start."""
    return json.dumps(
        {"error": 0, "data": {"task_id": task_id, "status": task_id, "progress": 1}}
    ).encode()


def answer_about(task_id: str) -> bytes:
    """Return a whole answer."""
    body = body_about(task_id)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def poll(client: AltcraftClient, task_id: str) -> str:
    """Return what the answer to a poll says it is about."""
    return (await client.tasks.status(task_id)).status


async def start(client: AltcraftClient, resource_id: int) -> str:
    """Return the id of the task that a start returns."""
    handle = await client.resources.refresh_counters(resource_id, database_id=1, join="never")
    return handle.ref.task_id


async def respond(task_id: str, writer: asyncio.StreamWriter) -> bool:
    """Answer at once."""
    writer.write(answer_about(task_id))
    return True


class EchoServer(Listener[tuple[str, int]]):
    """Listens on a free port of 127.0.0.1.

    Attributes:
        writers: Of all connections, in the order in which they were made.
        received: What each request is about, with the number of its connection from 0.
        open: How many connections the client has not closed.
        respond: Answers a request.
        largest_body: A request with a larger one is refused once its head has come, and its
            body is not read.
    """

    largest_body = 2**16

    def __init__(self) -> None:
        """Answer at once; a test may set another `respond`."""
        super().__init__()
        self.writers: list[asyncio.StreamWriter] = []
        self.received: list[tuple[str, int]] = []
        self.open = 0
        self.respond: Respond = respond

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.writers)
        self.writers.append(writer)
        self.open += 1
        try:
            while await self.respond(await self._request(reader, writer, number), writer):
                pass
        finally:
            self.open -= 1

    async def _request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> str:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if length > self.largest_body:
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            await asyncio.Event().wait()
        sent = json.loads(await reader.readexactly(length))
        task_id = str(sent.get("task_id") or f"t{sent['id']}")
        async with self._news:
            self.received.append((task_id, connection))
            self._news.notify_all()
        return task_id
