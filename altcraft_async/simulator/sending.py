"""Calls to the addresses that starts named as ``feedback``, on their way."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable

import aiohttp
from aiohttp import hdrs

from altcraft_async.simulator import codec
from altcraft_async.simulator.randomness import dice
from altcraft_async.simulator.webhooks import Sent, Webhook, Webhooks, payload
from altcraft_async.simulator.world import World

TRANSCRIPT = 10_000
"""How many calls are remembered."""

SECONDS = 5.0
"""How long a call may take."""


class Sender:
    """Makes the calls of one simulator, and forgets them when it is stopped.

    Attributes:
        sent: The newest calls, oldest first.
    """

    def __init__(self, world: World, webhooks: Webhooks) -> None:
        """Call nobody yet."""
        self.sent: deque[Sent] = deque(maxlen=TRANSCRIPT)
        self._world = world
        self._webhooks = webhooks
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def promise(self, webhook: Webhook, now: Callable[[], float]) -> None:
        """Call when the task is over, as often and as late as is drawn."""
        delays = self._webhooks.draw(dice("webhook", webhook.task_id))
        if self._webhooks.early:
            self._spawn(webhook, now, None)
        for delay in delays:
            self._spawn(webhook, now, delay)

    async def aclose(self) -> None:
        """Give up what has not been called yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _spawn(self, webhook: Webhook, now: Callable[[], float], delay: float | None) -> None:
        task = asyncio.get_running_loop().create_task(self._call(webhook, now, delay))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self, webhook: Webhook, now: Callable[[], float], delay: float | None) -> None:
        if delay is not None:
            end = self._world.end_of(webhook.task_id)
            if end is None or math.isinf(end):
                return
            while (left := end - now()) > 0:  # noqa: ASYNC110 -- a timer may come a little early
                await asyncio.sleep(left)
            await asyncio.sleep(delay)
        poll = self._world.poll(webhook.task_id, now())
        if poll is not None:
            status = await self._post(webhook.url, payload(poll))
            at = asyncio.get_running_loop().time()
            self.sent.append(Sent(webhook.task_id, webhook.url, at, status))

    async def _post(self, url: str, body: bytes) -> int | None:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout)
        headers = {hdrs.CONTENT_TYPE: codec.CONTENT_TYPES["json"]}
        try:
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return None
