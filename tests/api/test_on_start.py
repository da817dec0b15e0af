"""``refresh_all(on_start=…)``: a caller that leaves early can come back to its tasks."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import pytest

from altcraft_async import (
    AltcraftError,
    Completed,
    ConfigurationError,
    CountersReport,
    Failed,
    Resource,
    TaskRef,
)
from altcraft_async.simulator import Fault
from tests.support.api_calls import gather_into

if TYPE_CHECKING:
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]


def is_early(resource: Resource) -> bool:
    """Choose the first five resources."""
    return resource.id <= 5


async def test_on_start_is_called_once_per_task_before_its_outcome(platform: OpenPlatform) -> None:
    started: list[TaskRef] = []
    async with platform(duration=1) as (server, client):
        async for outcome in client.refresh_all(only=is_early, on_start=started.append):
            assert isinstance(outcome, Completed)
            assert outcome.ref in started
        assert len(set(started)) == len(started) == sum(server.starts.values())


async def test_on_start_is_not_called_for_a_start_that_fails(platform: OpenPlatform) -> None:
    started: list[TaskRef] = []
    async with platform(duration=1) as (server, client):
        server.misbehave("resources/refresh_counters", Fault.refuse(402))
        outcomes = [one async for one in client.refresh_all(only=is_early, on_start=started.append)]
    assert len(started) == len(outcomes) - 1


async def test_caller_that_leaves_early_can_attach_the_refs_from_on_start(
    platform: OpenPlatform,
) -> None:
    started: list[TaskRef] = []
    async with platform(duration=(1, 30)) as (server, client):
        async with aclosing(client.refresh_all(only=is_early, on_start=started.append)) as outcomes:
            first = await anext(outcomes)
        left = [ref for ref in started if ref != first.ref]
        for ref in left:
            assert (await client.tasks.attach(ref)).groups
        assert sum(server.starts.values()) == len(started)
    assert left


@pytest.mark.parametrize("kind", [OSError, LookupError, AltcraftError])
async def test_exception_from_on_start_is_raised_after_the_outcomes_of_started_tasks(
    platform: OpenPlatform, kind: type[Exception]
) -> None:
    outcomes: list[Completed[CountersReport] | Failed] = []

    def full(ref: TaskRef) -> None:
        raise kind(ref.task_id)

    async with platform(duration=1) as (server, client):
        with pytest.raises(kind, match="-"):
            await gather_into(outcomes, client.refresh_all(only=is_early, on_start=full))
        assert sum(server.starts.values()) == len(outcomes) > 0
    assert all(isinstance(outcome, Completed) for outcome in outcomes)


async def test_on_start_that_is_no_function_is_refused_by_the_call(platform: OpenPlatform) -> None:
    async with platform(duration=1) as (server, client):
        with pytest.raises(ConfigurationError, match="on_start"):
            client.refresh_all(on_start=cast("Any", "started"))
        assert not server.requests
