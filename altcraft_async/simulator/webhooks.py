"""Calls to the ``feedback`` URLs of starts: which, when, how often, and their sending.

The vendor documents the request and nothing of the call. It is our choice that a call is
one POST of JSON, that it holds what ``tasks/status`` responds, and that it comes when the
task completes or fails.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import aiohttp
from aiohttp import hdrs

from altcraft_async.simulator import codec, payloads
from altcraft_async.simulator.messages import ApiRequest, ApiResponse
from altcraft_async.simulator.methods import METHODS
from altcraft_async.simulator.parameters import Parameters
from altcraft_async.simulator.randomness import (
    Duration,
    check_duration,
    draw_duration,
    seeded_random,
)
from altcraft_async.simulator.world import TaskState, World

TRANSCRIPT = 10_000
"""Number of recorded calls."""

SHORTEST_SLEEP = 1e-4
"""Seconds; in a loop whose time moves in steps, a shorter sleep may take no time at all."""

CALL_TIMEOUT = 5.0
"""Seconds that a call may take."""


@dataclass(frozen=True, slots=True)
class Webhooks:
    """How calls are made; the seed of the simulator reproduces it.

    Attributes:
        lost: Share of the calls that are never made, 0 to 1.
        repeats: Number of further times that each call is made.
        delay: Seconds after the end of the task, a range, or a function that
            draws them. Each repeat draws its own.
        early: Whether a call is also made right after the start, as by a platform
            whose tasks end at once.
    """

    lost: float = 0.0
    repeats: int = 0
    delay: Duration = 0.0
    early: bool = False

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: It names the wrong value.
        """
        check_duration(self.delay)
        if not (0 <= self.lost <= 1 and self.repeats >= 0):
            msg = f"lost has to be from 0 to 1 and repeats at least 0, not {self}"
            raise ValueError(msg)

    def draw(self, rng: random.Random) -> tuple[float, ...]:
        """Draw the delays of the calls that are not lost."""
        delays = [draw_duration(self.delay, rng) for _ in range(1 + self.repeats)]
        return tuple(sorted(delay for delay in delays if rng.random() >= self.lost))


@dataclass(frozen=True, slots=True)
class Sent:
    """One call in the transcript.

    Attributes:
        task_id: Task of the call.
        url: URL of the call.
        at: Time of the event loop at the end of the call.
        status: HTTP status of the response, ``None`` if none came.
    """

    task_id: str
    url: str
    at: float
    status: int | None


class Webhook(NamedTuple):
    """A URL to call at the end of a task."""

    task_id: str
    url: str


def requested_webhook(request: ApiRequest, response: ApiResponse) -> Webhook | None:
    """Return the call that a start requests, ``None`` if its URL is on another machine."""
    if response.code != 0 or "feedback" not in METHODS[request.method].parameters:
        return None
    data = response.envelope.get("data")
    fields = Parameters(request.params, request.format).fields("feedback")
    if not (isinstance(data, Mapping) and fields):
        return None
    url = fields.text("url")
    task_id = cast("Mapping[str, object]", data)["task_id"]
    return Webhook(str(task_id), url) if is_local(url) else None


def is_local(url: str) -> bool:
    """Say whether a URL is on this machine; the simulator never calls another."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and (
            host == "localhost" or ip_address(host).is_loopback
        )
    except ValueError:
        return False


class Sender:
    """Makes the calls of one simulator until it is closed.

    Attributes:
        sent: The newest calls, oldest first.
    """

    def __init__(self, world: World, webhooks: Webhooks) -> None:
        """Make no calls yet."""
        self.sent: deque[Sent] = deque(maxlen=TRANSCRIPT)
        self._world = world
        self._webhooks = webhooks
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def schedule(self, webhook: Webhook, now: Callable[[], float]) -> None:
        """Draw the calls of a task and make each at its time."""
        delays = self._webhooks.draw(seeded_random("webhook", webhook.task_id))
        for delay in (None, *delays) if self._webhooks.early else delays:
            task = asyncio.get_running_loop().create_task(self._call(webhook, now, delay))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Cancel the calls that are not made yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _call(self, webhook: Webhook, now: Callable[[], float], delay: float | None) -> None:
        if delay is not None:
            end = self._world.end_of(webhook.task_id)
            if end is None or math.isinf(end):
                return
            while (left := end - now()) > 0:  # noqa: ASYNC110 -- a timer may fire a little early
                await asyncio.sleep(max(left, SHORTEST_SLEEP))
            await asyncio.sleep(delay)
        state = self._world.poll(webhook.task_id, now())
        if state is not None:
            status = await self._post(webhook.url, state)
            at = asyncio.get_running_loop().time()
            self.sent.append(Sent(webhook.task_id, webhook.url, at, status))

    async def _post(self, url: str, state: TaskState) -> int | None:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout)
        body = codec.write(payloads.success(payloads.task_status(state)), "json")
        headers = {hdrs.CONTENT_TYPE: codec.CONTENT_TYPES["json"]}
        try:
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return None
