"""A client in use is not closed or used from another event loop or a forked process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from altcraft_async import AltcraftClient, ConfigurationError, TaskHandle
from altcraft_async.simulator import Simulator
from tests.support.forks import in_a_fork

Use = Callable[[AltcraftClient, TaskHandle[object]], Awaitable[object]]


def note(_handle: object) -> None:
    """Do nothing, as a callback."""


@asynccontextmanager
async def in_use() -> AsyncGenerator[tuple[AltcraftClient, TaskHandle[object]], None]:
    """Yield a client and a handle of it; check afterwards that neither was harmed."""
    async with (
        Simulator(duration=0.5) as platform,
        AltcraftClient(platform.url, platform.token) as client,
    ):
        handle = await client.resources.refresh_counters(1, database_id=1)
        waiting = asyncio.ensure_future(handle.wait())
        handle.add_done_callback(note)
        await handle.poll()
        yield client, cast("TaskHandle[object]", handle)
        async with asyncio.timeout(10):
            assert (await waiting).groups
            assert (await client.resources.refresh(2, database_id=1)).groups


async def close(client: AltcraftClient, _handle: TaskHandle[object]) -> None:
    """Close the client."""
    await client.aclose()


async def nudge(_client: AltcraftClient, handle: TaskHandle[object]) -> None:
    """Nudge the handle."""
    handle.nudge()


async def nudge_without_waiters(client: AltcraftClient, _handle: TaskHandle[object]) -> None:
    """Nudge another handle."""
    client.tasks.attach("t1").nudge()


async def add_callback(_client: AltcraftClient, handle: TaskHandle[object]) -> None:
    """Add a callback to the handle."""
    handle.add_done_callback(print)


async def remove_callback(_client: AltcraftClient, handle: TaskHandle[object]) -> None:
    """Remove the callback that `in_use` added."""
    handle.remove_done_callback(note)


async def follow(_client: AltcraftClient, handle: TaskHandle[object]) -> None:
    """Wait for a status."""
    async for _ in handle.updates():
        pass


USES: dict[str, Use] = {
    "aclose": close,
    "nudge": nudge,
    "nudge without waiters": nudge_without_waiters,
    "add_done_callback": add_callback,
    "remove_done_callback": remove_callback,
    "wait": lambda _, handle: handle.wait(timeout=1),
    "poll": lambda _, handle: handle.poll(),
    "updates": follow,
    "refresh": lambda client, _: client.resources.refresh(1, database_id=1),
    "enter": lambda client, _: client.__aenter__(),
}

every_use = pytest.mark.parametrize("use", USES.values(), ids=USES)


def words_of(use: Use, client: AltcraftClient, handle: TaskHandle[object]) -> str:
    """Use the client in a loop of its own; return the words of the error."""

    async def run() -> str:
        try:
            async with asyncio.timeout(5):
                await use(client, handle)
        except ConfigurationError as refused:
            return str(refused)
        except BaseException as other:  # noqa: BLE001 -- the test shows it
            return repr(other)
        return "no error"

    return asyncio.run(run())


@every_use
async def test_use_from_another_loop_is_refused_and_harms_nothing(use: Use) -> None:
    async with in_use() as (client, handle):
        words = await asyncio.to_thread(words_of, use, client, handle)
        assert "belongs to another event loop" in words


@every_use
async def test_use_in_a_forked_child_is_refused_and_harms_nothing(use: Use) -> None:
    async with in_use() as (client, handle):

        def in_a_new_loop() -> str:
            # The child goes on within the coroutine that forked it.
            asyncio.events._set_running_loop(None)
            return words_of(use, client, handle)

        assert "forked" in in_a_fork(in_a_new_loop)


async def test_closing_once_more_from_another_loop_is_no_error() -> None:
    client = AltcraftClient("http://127.0.0.1:9", "token")
    async with client:
        pass
    await asyncio.to_thread(asyncio.run, client.aclose())


async def test_client_that_was_never_opened_is_closed_from_any_loop() -> None:
    client = AltcraftClient("http://127.0.0.1:9", "token")
    await asyncio.to_thread(asyncio.run, client.aclose())
    assert repr(client).endswith(" closed>")
