"""One contender of the polls benchmark: prints the CPU time of a poll, slice by slice.

``python -m benchmarks.contenders.polls NAME PORT``. All contenders poll the
same number of endless tasks as fast as one core allows, with the same number
of concurrent requests.
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
from benchmarks.contenders.measurement import (
    CONCURRENCY,
    POLL_INTERVAL,
    TOKEN,
    poll_body,
    print_slices,
    task_ids,
    url_of,
)

POLL = "CPU µs per poll"

POLLS = 500
"""Polls in a slice of about 0.1 s."""

HTTPX_POLLS = 50


class ShortestInterval:
    """Polls as often as the library allows, at the computing cost of the default policy."""

    def __init__(self) -> None:
        """Begin with no poll."""
        self._default = Adaptive()
        self.polls = 0

    def next_poll(self, state: PollState) -> float:
        """Return seconds."""
        self.polls += 1
        return min(POLL_INTERVAL, self._default.next_poll(state))


async def ours(port: int) -> None:
    """Wait for handles with `as_completed`."""
    policy = ShortestInterval()
    async with AltcraftClient(url_of(port), TOKEN, poll=policy, connections=CONCURRENCY) as client:
        refs = [TaskRef(task_id=task_id, kind="resource") for task_id in task_ids()]
        handles = [client.tasks.attach(ref) for ref in refs]

        async def wait() -> None:
            async for _ in as_completed(handles):
                pass

        async with asyncio.TaskGroup() as group:
            group.create_task(wait())
            await print_slices(lambda: policy.polls, POLL, units=POLLS)


class _Data(msgspec.Struct):
    status: str
    progress: int


class _Answer(msgspec.Struct):
    data: _Data
    error: int


Post = Callable[[aiohttp.ClientSession, URL, bytes, Mapping[str, str]], Awaitable[bytes]]


async def tuned(port: int) -> None:
    """Use only aiohttp, tuned as its documentation says."""
    await _bare_aiohttp(port, _post)


async def minimal(port: int) -> None:
    """Leave out what a program needs: timeouts, and waiting for the connection's release."""
    await _bare_aiohttp(port, _post_without_timeout)


async def _post(
    session: aiohttp.ClientSession, url: URL, body: bytes, headers: Mapping[str, str]
) -> bytes:
    async with session.post(url, data=body, headers=headers) as response:
        return await response.read()


_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)


async def _post_without_timeout(
    session: aiohttp.ClientSession, url: URL, body: bytes, headers: Mapping[str, str]
) -> bytes:
    response = await session.post(
        url, data=body, headers=headers, timeout=_NO_TIMEOUT, allow_redirects=False
    )
    content = response.content
    answer = content.read_nowait() if content.is_eof() else await response.read()
    response.release()
    return answer


async def _bare_aiohttp(port: int, post: Post) -> None:
    """Poll without retries, and with no checks beyond the decoder's."""
    polls = 0
    url = URL(f"{url_of(port)}/api/v1.1/tasks/status")
    headers = {"Content-Type": "application/json", "User-Agent": "floor"}
    encode = msgspec.json.Encoder().encode
    decode = msgspec.json.Decoder(_Answer).decode
    bodies = [poll_body(task_id) for task_id in task_ids()]
    connector = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:

        async def poll_forever() -> None:
            nonlocal polls
            while True:
                body = encode(bodies[polls % len(bodies)])
                answer = decode(await post(session, url, body, headers))
                assert answer.error == 0
                polls += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(poll_forever())
            await print_slices(lambda: polls, POLL, units=POLLS)


async def by_hand(port: int) -> None:
    """Poll with aiohttp and tenacity, in a Task per refresh."""
    url = f"{url_of(port)}/api/v1.1/tasks/status"
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    async with aiohttp.ClientSession(connector=connector) as session:

        @tenacity.retry(
            retry=tenacity.retry_if_exception_type((aiohttp.ClientError, TimeoutError)),
            stop=tenacity.stop_after_attempt(5),
            wait=tenacity.wait_exponential(max=20),
        )
        async def poll(task_id: str) -> str:
            async with session.post(url, json=poll_body(task_id)) as response:
                response.raise_for_status()
                answer = await response.json()
                return str(answer["data"]["status"])

        await _poll_in_tasks(poll, POLLS)


async def by_hand_httpx(port: int) -> None:
    """Poll with httpx and tenacity, in a Task per refresh."""
    url = f"{url_of(port)}/api/v1.1/tasks/status"
    limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    async with httpx.AsyncClient(limits=limits, timeout=60) as session:

        @tenacity.retry(
            retry=tenacity.retry_if_exception_type(httpx.TransportError),
            stop=tenacity.stop_after_attempt(5),
            wait=tenacity.wait_exponential(max=20),
        )
        async def poll(task_id: str) -> str:
            response = await session.post(url, json=poll_body(task_id))
            response.raise_for_status()
            return str(response.json()["data"]["status"])

        await _poll_in_tasks(poll, HTTPX_POLLS)


async def _poll_in_tasks(poll: Callable[[str], Awaitable[str]], units: int) -> None:
    polls = 0

    async def wait(task_id: str) -> None:
        nonlocal polls
        while await poll(task_id) != "completed":
            polls += 1
            await asyncio.sleep(POLL_INTERVAL)

    async with asyncio.TaskGroup() as group:
        for task_id in task_ids():
            group.create_task(wait(task_id))
        await print_slices(lambda: polls, POLL, units=units)


CONTENDERS: Mapping[str, Callable[[int], Coroutine[None, None, None]]] = {
    "ours": ours,
    "ours_uvloop": ours,
    "tuned": tuned,
    "minimal": minimal,
    "tuned_uvloop": tuned,
    "by_hand": by_hand,
    "by_hand_httpx": by_hand_httpx,
}

if __name__ == "__main__":
    run = uvloop.run if sys.argv[1].endswith("uvloop") else asyncio.run
    run(CONTENDERS[sys.argv[1]](int(sys.argv[2])))
