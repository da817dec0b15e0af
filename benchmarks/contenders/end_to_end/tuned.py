"""Tuned aiohttp with msgspec and without retries; the delays of `by_hand`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from benchmarks.contenders.end_to_end.runner import Refresh, connector, main, task_each
from benchmarks.contenders.measurement import TOKEN, poll_body
from benchmarks.servers.bodies import DATABASE

HEADERS = {"Content-Type": "application/json", "User-Agent": "tuned"}

encode = msgspec.json.Encoder().encode


class Data(msgspec.Struct):
    """What a start or a poll answers."""

    task_id: str = ""
    status: str = ""
    result: list[dict[str, Any]] = msgspec.field(default_factory=list[dict[str, Any]])


class Answer(msgspec.Struct):
    """The envelope."""

    data: Data
    error: int


decode = msgspec.json.Decoder(Answer).decode


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Refresh, None]:
    """Refresh each resource with the least code."""
    start, status = (
        URL(f"{url}/api/v1.1/{path}") for path in ("resources/refresh_counters", "tasks/status")
    )
    async with aiohttp.ClientSession(
        connector=connector(url), cookie_jar=aiohttp.DummyCookieJar(), headers=HEADERS
    ) as session:

        async def post(method: URL, body: object) -> Data:
            async with session.post(method, data=encode(body)) as response:
                answer = decode(await response.read())
            assert answer.error == 0
            return answer.data

        async def refresh(resource_id: int) -> str:
            started = await post(start, {"token": TOKEN, "id": resource_id, "list_id": DATABASE})
            body, delay = poll_body(started.task_id), 0.5
            while True:
                await asyncio.sleep(delay)
                if (await post(status, body)).status == "completed":
                    return started.task_id
                delay = min(30.0, 2 * delay)

        yield task_each(refresh)


if __name__ == "__main__":
    main(opened)
