"""A platform that goes away for a while, in a process of its own.

``python -m benchmarks.outages.server KIND UP DOWN TIMES`` listens on a free
port and prints it. From the first request on it is up for ``UP`` seconds and
then down for ``DOWN`` seconds, ``TIMES`` times. It prints what it saw, as
JSON, when its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from contextlib import suppress
from typing import NamedTuple

__all__ = ["Seen"]

SHORTEST, LONGEST = 1.0, 3.0
"""Seconds that a task takes."""

PAGE = b"<html><body>503 Service Unavailable</body></html>"


class Seen(NamedTuple):
    """What the server saw.

    Attributes:
        starts: Starts that it acted on.
        twice: Targets that were started more than once.
        requests_down: Requests that it received while it was down, after the first second.
        down: Seconds that it was down.
        outages: How often it went down.
        late: Seconds from the later of a task's end and the return to the poll that found it
            over, the longest of the tasks that ended while it was down.
        up_at: When it came back for the last time, by `time.time`.
    """

    starts: int
    twice: int
    requests_down: int
    down: float
    outages: int
    late: float
    up_at: float


class Platform:
    """Starts tasks, and tells their status, while it is up."""

    def __init__(self, kind: str, up: float, down: float, times: int) -> None:
        """Begin up; the clock starts with the first request."""
        self._kind, self._up, self._down, self._times = kind, up, down, times
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_down = False
        self._began: asyncio.Task[None] | None = None
        self._down_at = self._back_at = self._down_seconds = 0.0
        self._requests_down = self._outages = 0
        self._ends: dict[str, float] = {}
        self._started: dict[str, int] = {}
        self._late = 0.0
        self._ended_down: set[str] = set()
        self._random = random.Random(5)  # noqa: S311 -- no secret

    async def listen(self) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", self._port, backlog=1024, reuse_address=True
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self._port

    def seen(self) -> Seen:
        """Sum up."""
        return Seen(
            starts=sum(self._started.values()),
            twice=sum(times > 1 for times in self._started.values()),
            requests_down=self._requests_down,
            down=self._down_seconds + (time.time() - self._down_at if self._is_down else 0.0),
            outages=self._outages,
            late=self._late,
            up_at=self._back_at,
        )

    async def _go_through(self) -> None:
        for _ in range(self._times):
            await asyncio.sleep(self._up)
            self._is_down, self._down_at = True, time.time()
            self._outages += 1
            if self._kind in ("refused", "dns", "flapping"):
                assert self._server is not None
                self._server.close()
                for writer in tuple(self._writers):
                    writer.transport.abort()
            await asyncio.sleep(self._down)
            self._back_at = time.time()
            self._ended_down |= {
                task for task, end in self._ends.items() if self._down_at <= end <= self._back_at
            }
            self._down_seconds += self._back_at - self._down_at
            self._is_down = False
            if self._kind in ("refused", "dns", "flapping"):
                await self.listen()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                if self._began is None:
                    self._began = asyncio.create_task(self._go_through())
                if self._is_down and time.time() - self._down_at > 1:
                    self._requests_down += 1
                if self._is_down and self._kind == "black hole":
                    await asyncio.Event().wait()  # never answered, not even after the return
                if self._is_down:
                    writer.write(_answer(PAGE, b"503 Service Unavailable", b"text/html"))
                else:
                    writer.write(_answer(json.dumps(self._reply(head, body)).encode()))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client or this process ends
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    def _reply(self, head: bytes, body: dict[str, object]) -> dict[str, object]:
        if b"refresh_counters" in head.split(b"\r\n", 1)[0]:
            target = f"{body['id']}"
            self._started[target] = self._started.get(target, 0) + 1
            task = f"t{target}-{self._started[target]}"
            self._ends[task] = time.time() + self._random.uniform(SHORTEST, LONGEST)
            return {"error": 0, "error_text": "", "data": {"task_id": task}}
        if b"tasks/status" not in head.split(b"\r\n", 1)[0]:
            return {"error": 0, "error_text": "", "data": []}
        task = str(body["task_id"])
        now, end = time.time(), self._ends.get(task)
        if end is None:
            return {"error": 404, "error_text": "unknown"}
        if now < end:
            return {"error": 0, "data": {"status": "running"}}
        if task in self._ended_down:
            self._ended_down.discard(task)
            self._late = max(self._late, now - self._back_at)
        channels: list[object] = []
        group = {"list_id": body.get("list_id", 1), "channels": channels}
        return {"error": 0, "data": {"status": "completed", "progress": 100, "result": [group]}}


def _answer(body: bytes, status: bytes = b"200 OK", kind: bytes = b"application/json") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        status,
        kind,
        len(body),
        body,
    )


async def _serve(kind: str, up: float, down: float, times: int) -> None:
    platform = Platform(kind, up, down, times)
    print(await platform.listen(), flush=True)
    with suppress(EOFError):
        await asyncio.to_thread(sys.stdin.read)
    print(json.dumps(platform.seen()._asdict()), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), times=int(sys.argv[4])))
