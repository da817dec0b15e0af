"""A queue of jobs in Redis for taskiq, from which no job is lost.

taskiq-redis has a broker over Redis streams. Of what it does, three things
do not suit long jobs that must not be lost, so they are done here instead:

- It looks for the jobs of dead workers only after new ones have come. Here
  that is done each second.
- It takes a hundred jobs at once, and those that wait for their turn count as
  left alone. Here a worker takes a job when it is free for one.
- Its stream only grows, or is cut at a length, with what nobody has done yet.
  Here a job that is done is deleted, so nothing has to be cut.
"""

# redis-py leaves its **kwargs without types, and taskiq-redis its answers:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from functools import partial
from typing import cast

from redis.asyncio import Redis
from taskiq import AckableMessage
from taskiq.serializers import JSONSerializer
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from altcraft_async.integrations._redis import checked_address, patient
from altcraft_async.models.validation import checked_seconds, checked_text

__all__ = ["RefreshBroker"]

_DAY = 86_400.0

_RECLAIM_SECONDS = 1.0
"""Between two looks for jobs of dead workers: two short commands, whatever the queue holds."""

_RECLAIMED = 10
"""Such jobs taken at once, a few, as those that wait for their turn count as left alone again."""

_RETRIES = 30
"""Tries after a failed one, over some half a minute; then a worker ends, and is started again."""

_FOR_EVER = -1

_Messages = list[tuple[bytes, dict[bytes, bytes]]]


class RefreshBroker(RedisStreamBroker):
    """A taskiq broker for refreshes: workers may die and Redis may restart, no job is lost.

    Results are kept in the same Redis, as JSON. It can be used for other jobs as well.

    ```python
    from altcraft_async.integrations.taskiq import RefreshBroker

    broker = RefreshBroker("redis://localhost:6379")
    ```
    """

    def __init__(
        self,
        url: str,
        *,
        queue_name: str = "altcraft",
        idle_timeout: float = 180.0,
        keep_results: float = _DAY,
    ) -> None:
        """Describe the queue; nothing is opened yet.

        Args:
            url: Address of Redis, such as ``"redis://localhost:6379/0"``.
            queue_name: Of the stream, and what the names of results begin with.
            idle_timeout: Seconds after which a job that was taken and is not
                done counts as left by a dead worker, and another takes it. One
                that is only slow is done twice then, at the cost of more polls.
            keep_results: Seconds for which a result can be fetched.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        idle = math.ceil(checked_seconds("idle_timeout", idle_timeout, least=1.0) * 1000)
        keep = math.ceil(checked_seconds("keep_results", keep_results, least=1.0))
        super().__init__(
            checked_address("url", url),
            queue_name=checked_text("queue_name", queue_name),
            # What was enqueued before the first worker was started is for it as well.
            consumer_id="0",
            idle_timeout=idle,
            retry=patient(_RETRIES),
        )
        results: RedisAsyncResultBackend[object] = RedisAsyncResultBackend(
            url,
            result_ex_time=keep,
            prefix_str=f"{queue_name}:result",
            # The default is pickle, by which who can write to Redis could run code here.
            serializer=JSONSerializer(),
            # A result that cannot be saved would be lost, as taskiq takes its job for done.
            retry=patient(_FOR_EVER),
        )
        self.with_result_backend(results)
        self._reclaim_from = b"0-0"
        self._reclaim_at = 0.0

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """Iterate over new jobs, and those of dead workers, as this worker is free for them."""
        async with Redis(connection_pool=self.connection_pool) as redis:
            while True:
                for number, fields in await self._left_behind(redis) or await self._new(redis):
                    # What is no job is for taskiq to say, and to take out of the queue.
                    data = fields.get(b"data", b"")
                    yield AckableMessage(data=data, ack=partial(self._done, number))

    async def _new(self, redis: Redis) -> _Messages:
        fetched = await redis.xreadgroup(
            self.consumer_group_name,
            self.consumer_name,
            {self.queue_name: ">"},
            count=1,
            block=int(_RECLAIM_SECONDS * 1000),
        )
        streams = cast("list[tuple[bytes, _Messages]]", fetched)  # as Redis documents it
        return [message for _, messages in streams for message in messages]

    async def _left_behind(self, redis: Redis) -> _Messages:
        now = asyncio.get_running_loop().time()
        if now < self._reclaim_at:
            return []
        messages: _Messages = []
        while not messages:
            claimed = await redis.xautoclaim(
                self.queue_name,
                self.consumer_group_name,
                self.consumer_name,
                min_idle_time=self.idle_timeout,
                start_id=self._reclaim_from,
                count=_RECLAIMED,
            )
            # As Redis documents it.
            self._reclaim_from, messages, *_ = cast("tuple[bytes, _Messages]", claimed)
            if self._reclaim_from == b"0-0":  # all were polled
                self._reclaim_at = now + _RECLAIM_SECONDS
                break
        return messages

    async def _done(self, number: bytes) -> None:
        async with (
            Redis(connection_pool=self.connection_pool) as redis,
            redis.pipeline(transaction=True) as together,
        ):
            together.xack(self.queue_name, self.consumer_group_name, number)
            together.xdel(self.queue_name, number)
            await together.execute()
