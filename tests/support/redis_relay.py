"""A way to Redis whose open connections can turn out to lead to the wrong server."""

from __future__ import annotations

import asyncio
import re
from typing import Self
from urllib.parse import urlsplit

__all__ = ["RedisRelay"]

_COMMAND = re.compile(rb"\*\d+\r\n")
_TIME = re.compile(rb"(?<=\*2\r\n\$10\r\n)\d{10}(?=\r\n)")  # in the reply to TIME


class RedisRelay:
    """Passes connections on to a Redis, as a name or a balancer in front of it does.

    Attributes:
        url: Address of the relay.
        connections: How many were opened.
        ahead: Seconds by which the clock of Redis seems to be ahead.
    """

    def __init__(self, redis_url: str) -> None:
        """Begin without connections."""
        parts = urlsplit(redis_url)
        self._target = parts.hostname, parts.port
        self._refusals: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""
        self.connections = 0
        self.ahead = 0

    def refuse(self, reply: str) -> None:
        """Answer each further command on the connections that are open now with this error."""
        self._refusals += [f"-{reply}\r\n".encode()] * (self.connections - len(self._refusals))

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.url = "redis://127.0.0.1:{1}".format(*self._server.sockets[0].getsockname())
        return self

    async def __aexit__(self, *_failure: object) -> None:
        """Close every connection."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        number, self.connections = self.connections, self.connections + 1
        replies, redis = await asyncio.open_connection(*self._target)
        back = asyncio.create_task(self._copy(replies, writer))
        try:
            # Commands are short, so those sent together come as one piece.
            while sent := await reader.read(2**16):
                if number < len(self._refusals):
                    writer.write(self._refusals[number] * len(_COMMAND.findall(sent)))
                else:
                    redis.write(sent)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the test is over
        finally:
            back.cancel()
            for end in (redis, writer):
                end.close()
            ends = (back, redis.wait_closed(), writer.wait_closed())
            await asyncio.gather(*ends, return_exceptions=True)
            self._tasks.discard(task)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(2**16):
            writer.write(_TIME.sub(lambda found: b"%d" % (int(found[0]) + self.ahead), data))
