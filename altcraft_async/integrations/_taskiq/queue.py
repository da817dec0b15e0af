"""`RefreshBroker`: a queue of jobs in Redis for taskiq that loses no job.

It is the stream broker of taskiq-redis, with three changes for long jobs:

- taskiq-redis looks for the jobs of dead workers only after a new job has come. This
  broker does so every second.
- taskiq-redis takes a hundred jobs at once, and the idle timeout runs for jobs that have
  not begun. Here a worker takes one job when it can begin it.
- The stream of taskiq-redis grows for ever, or is cut along with unfinished jobs. Here a
  finished job is deleted, so nothing has to be cut.
"""

# redis-py does not annotate its **kwargs, nor taskiq-redis its answers:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from functools import partial
from typing import cast

from redis.asyncio import Redis
from taskiq import AckableMessage, BrokerMessage
from taskiq.serializers import JSONSerializer
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from altcraft_async.errors import ConfigurationError
from altcraft_async.integrations._redis import checked_redis_url, command_retry
from altcraft_async.models.validation import checked_seconds, checked_text

__all__ = ["RefreshBroker"]

_DAY = 86_400.0

_RECLAIM_SECONDS = 1.0
"""Between two scans for jobs of dead workers: two short commands, however long the queue is."""

_RECLAIM_COUNT = 10
"""Such jobs taken at once; few, because the idle timeout runs for those that have not begun."""

_RETRIES = 30
"""Over about half a minute; then the worker ends, and taskiq starts another."""

_SEND_SECONDS = 30.0
"""Seconds for sending a job, with all retries; as long as refused connections are retried."""

_UNLIMITED = -1

_Messages = list[tuple[bytes, dict[bytes, bytes]]]


class RefreshBroker(RedisStreamBroker):
    """A taskiq broker for refreshes: no job is lost if a worker dies or Redis restarts.

    Results are kept in the same Redis, as JSON. The broker can run other jobs as well.

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
            url: URL of Redis, such as ``"redis://localhost:6379/0"``, ``rediss://`` or
                ``unix://``.
            queue_name: Name of the stream, and start of the result keys.
            idle_timeout: Seconds after which another worker takes an unfinished job,
                because its worker counts as dead. A job that is only slow is then done
                twice, which costs more polls.
            keep_results: Seconds for which a result can be fetched.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        try:
            idle = math.ceil(checked_seconds("idle_timeout", idle_timeout, least=1.0) * 1000)
            keep = math.ceil(checked_seconds("keep_results", keep_results, least=1.0))
            url = checked_redis_url("url", url)
            super().__init__(
                url,
                queue_name=checked_text("queue_name", queue_name),
                consumer_id="0",  # jobs enqueued before the first worker started count too
                idle_timeout=idle,
                retry=command_retry(_RETRIES),
            )
            results: RedisAsyncResultBackend[object] = RedisAsyncResultBackend(
                url,
                result_ex_time=keep,
                prefix_str=f"{queue_name}:result",
                # The default, pickle, would let anyone with write access to Redis run code here.
                serializer=JSONSerializer(),
                # taskiq acknowledges a job even if its result could not be saved.
                retry=command_retry(_UNLIMITED),
            )
        finally:
            del url  # tools that show the variables of a traceback must not show a password
        if self.connection_pool.max_connections == 1:
            msg = "url: max_connections has to be above 1, as waiting for jobs takes one"
            raise ConfigurationError(msg)
        self.with_result_backend(results)
        patience = self.connection_pool.connection_kwargs.get("socket_timeout", math.inf)
        self._block = max(int(min(_RECLAIM_SECONDS, patience / 2) * 1000), 1)  # 0 is for ever
        self._reclaim_from = b"0-0"
        self._reclaim_at = 0.0

    async def kick(self, message: BrokerMessage) -> None:
        """Send a job to the queue; half a minute without success is a `SendTaskError`."""
        async with asyncio.timeout(_SEND_SECONDS):
            await super().kick(message)

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """Iterate over new jobs and those of dead workers, as this worker can begin them."""
        async with Redis(connection_pool=self.connection_pool) as redis:
            while True:
                for number, fields in await self._reclaimed(redis) or await self._new(redis):
                    # taskiq reports and removes a message that is not a job.
                    data = fields.get(b"data", b"")
                    yield AckableMessage(data=data, ack=partial(self._acknowledge, number))

    async def _new(self, redis: Redis) -> _Messages:
        fetched = await redis.xreadgroup(
            self.consumer_group_name,
            self.consumer_name,
            {self.queue_name: ">"},
            count=1,
            block=self._block,
        )
        streams = cast("list[tuple[bytes, _Messages]]", fetched)  # as Redis documents it
        return [message for _, messages in streams for message in messages]

    async def _reclaimed(self, redis: Redis) -> _Messages:
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
                count=_RECLAIM_COUNT,
            )
            # As Redis documents it.
            self._reclaim_from, messages, *_ = cast("tuple[bytes, _Messages]", claimed)
            if self._reclaim_from == b"0-0":  # the scan is complete
                self._reclaim_at = now + _RECLAIM_SECONDS
                break
        return messages

    async def _acknowledge(self, number: bytes) -> None:
        async with (
            Redis(connection_pool=self.connection_pool) as redis,
            redis.pipeline(transaction=True) as transaction,
        ):
            transaction.xack(self.queue_name, self.consumer_group_name, number)
            transaction.xdel(self.queue_name, number)
            await transaction.execute()
