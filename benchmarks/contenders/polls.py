"""One contender of the polls benchmark: prints the CPU time of a poll, slice by slice.

``python -m benchmarks.contenders.polls NAME PORT``. All poll the same
number of tasks that never end, as fast as one core allows, with the same
number of requests at once.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping

import aiohttp
import httpx
import msgspec
import tenacity
import uvloop
from yarl import URL

from altcraft_async import Adaptive, AltcraftClient, PollState, TaskRef, as_completed
from benchmarks.contenders.measuring import (
    AT_ONCE,
    PAUSE,
    TOKEN,
    Meter,
    body_of,
    print_slices,
    task_ids,
    url_of,
)

FIGURE = "CPU µs per poll"

POLLS = 500
"""Polls in a slice: 0.1 s, or so."""

POLLS_OF_HTTPX = 50


class Soon:
    """Polls as often as the library allows, at the cost of the default policy's thoughts."""

    def __init__(self) -> None:
        """Think like the default."""
        self._default = Adaptive()
        self.polls = 0

    def next_poll(self, seen: PollState) -> float:
        """Return seconds."""
        self.polls += 1
        return min(PAUSE, self._default.next_poll(seen))


async def ours(port: int) -> None:
    """Wait for handles with `as_completed`."""
    policy = Soon()
    async with AltcraftClient(url_of(port), TOKEN, poll=policy, connections=AT_ONCE) as client:
        refs = [TaskRef(task_id=task_id, kind="resource") for task_id in task_ids()]
        handles = [client.tasks.attach(ref) for ref in refs]

        async def wait() -> None:
            async for _ in as_completed(handles):
                pass

        async with asyncio.TaskGroup() as group:
            group.create_task(wait())
            await print_slices(lambda: policy.polls, FIGURE, units=POLLS)


class _Data(msgspec.Struct):
    status: str
    progress: int


class _Answer(msgspec.Struct):
    data: _Data
    error: int


async def tuned(port: int) -> None:
    """Do nothing but aiohttp, with the knobs that its documentation names."""
    await _bare(port, _ask)


async def barest(port: int) -> None:
    """Leave out what a program needs: no time limit at all, and no wait for the connection."""
    await _bare(port, _ask_without_limits)


Ask = Callable[[aiohttp.ClientSession, URL, bytes, Mapping[str, str]], Awaitable[bytes]]


async def _ask(
    session: aiohttp.ClientSession, url: URL, body: bytes, headers: Mapping[str, str]
) -> bytes:
    async with session.post(url, data=body, headers=headers) as response:
        return await response.read()


NO_LIMIT = aiohttp.ClientTimeout(total=None)


async def _ask_without_limits(
    session: aiohttp.ClientSession, url: URL, body: bytes, headers: Mapping[str, str]
) -> bytes:
    response = await session.post(
        url, data=body, headers=headers, timeout=NO_LIMIT, allow_redirects=False
    )
    content = response.content
    answer = content.read_nowait() if content.is_eof() else await response.read()
    response.release()
    return answer


async def _bare(port: int, ask: Ask) -> None:
    """Poll with aiohttp alone: no repeats, no checks beyond the decoder's, no one to tell."""
    meter = Meter()
    url = URL(f"{url_of(port)}/api/v1.1/tasks/status")
    headers = {"Content-Type": "application/json", "User-Agent": "floor"}
    encode = msgspec.json.Encoder().encode
    decode = msgspec.json.Decoder(_Answer).decode
    bodies = [body_of(task_id) for task_id in task_ids()]
    connector = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:

        async def poll_on() -> None:
            while True:
                body = encode(bodies[meter.polls % len(bodies)])
                answer = decode(await ask(session, url, body, headers))
                assert answer.error == 0
                meter.polls += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(poll_on())
            await print_slices(meter.count, FIGURE, units=POLLS)


async def by_hand(port: int) -> None:
    """Poll as one would write it with aiohttp and tenacity: a Task per refresh."""
    url = f"{url_of(port)}/api/v1.1/tasks/status"
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:

        @tenacity.retry(
            retry=tenacity.retry_if_exception_type((aiohttp.ClientError, TimeoutError)),
            stop=tenacity.stop_after_attempt(5),
            wait=tenacity.wait_exponential(max=20),
        )
        async def poll(task_id: str) -> str:
            async with session.post(url, json=body_of(task_id)) as response:
                response.raise_for_status()
                answer = await response.json()
                return str(answer["data"]["status"])

        await poll_each(poll, POLLS)


async def by_hand_httpx(port: int) -> None:
    """Poll as one would write it with httpx and tenacity: a Task per refresh."""
    url = f"{url_of(port)}/api/v1.1/tasks/status"
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    async with httpx.AsyncClient(limits=limits, timeout=60) as session:

        @tenacity.retry(
            retry=tenacity.retry_if_exception_type(httpx.TransportError),
            stop=tenacity.stop_after_attempt(5),
            wait=tenacity.wait_exponential(max=20),
        )
        async def poll(task_id: str) -> str:
            response = await session.post(url, json=body_of(task_id))
            response.raise_for_status()
            return str(response.json()["data"]["status"])

        await poll_each(poll, POLLS_OF_HTTPX)


async def poll_each(poll: Callable[[str], Awaitable[str]], units: int) -> None:
    """Poll every task in an asyncio.Task of its own."""
    meter = Meter()

    async def follow(task_id: str) -> None:
        while await poll(task_id) != "completed":
            meter.polls += 1
            await asyncio.sleep(PAUSE)

    async with asyncio.TaskGroup() as group:
        for task_id in task_ids():
            group.create_task(follow(task_id))
        await print_slices(meter.count, FIGURE, units=units)


CONTENDERS: Mapping[str, Callable[[int], Coroutine[None, None, None]]] = {
    "ours": ours,
    "ours_uvloop": ours,
    "tuned": tuned,
    "barest": barest,
    "tuned_uvloop": tuned,
    "by_hand": by_hand,
    "by_hand_httpx": by_hand_httpx,
}

if __name__ == "__main__":
    run = uvloop.run if sys.argv[1].endswith("uvloop") else asyncio.run
    run(CONTENDERS[sys.argv[1]](int(sys.argv[2])))
