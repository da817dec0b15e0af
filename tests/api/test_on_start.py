"""refresh_all(on_start=…): who leaves early knows what goes on."""

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


async def test_each_task_is_noted_once_before_its_outcome(platform: OpenPlatform) -> None:
    """What was started and did not come out yet is what goes on at the platform."""
    noted: list[TaskRef] = []
    async with platform() as (server, client):
        async for outcome in client.refresh_all(only=is_early, on_start=noted.append):
            assert isinstance(outcome, Completed)
            assert outcome.ref in noted
        assert len(set(noted)) == len(noted) == sum(server.starts.values())


async def test_start_that_fails_is_not_noted(platform: OpenPlatform) -> None:
    """A start that was refused left nothing to come back to."""
    noted: list[TaskRef] = []
    async with platform() as (server, client):
        server.misbehave("resources/refresh_counters", Fault.refuse(402))
        outcomes = [one async for one in client.refresh_all(only=is_early, on_start=noted.append)]
    assert len(noted) == len(outcomes) - 1


async def test_leaving_early_leaves_the_noted_tasks_to_come_back_to(
    platform: OpenPlatform,
) -> None:
    """A noted ref that is attached again gives its report, without another start."""
    noted: list[TaskRef] = []
    async with platform(duration=(1, 30)) as (server, client):
        async with aclosing(client.refresh_all(only=is_early, on_start=noted.append)) as outcomes:
            first = await anext(outcomes)
        left = [ref for ref in noted if ref != first.ref]
        for ref in left:
            assert (await client.tasks.attach(ref)).groups
        assert sum(server.starts.values()) == len(noted)
    assert left


@pytest.mark.parametrize("kind", [OSError, LookupError, AltcraftError])
async def test_what_on_start_raises_comes_out(
    platform: OpenPlatform, kind: type[Exception]
) -> None:
    """An error of the caller's own goes to the caller, after the outcomes of what was started."""
    outcomes: list[Completed[CountersReport] | Failed] = []

    def full(ref: TaskRef) -> None:
        raise kind(ref.task_id)

    async with platform() as (server, client):
        with pytest.raises(kind, match="-"):
            await gather_into(outcomes, client.refresh_all(only=is_early, on_start=full))
        assert sum(server.starts.values()) == len(outcomes) > 0
    assert all(isinstance(outcome, Completed) for outcome in outcomes)


async def test_on_start_has_to_be_a_function(platform: OpenPlatform) -> None:
    """A mistake is noticed by the call, before anything is sent."""
    async with platform() as (server, client):
        with pytest.raises(ConfigurationError, match="on_start"):
            client.refresh_all(on_start=cast("Any", "noted"))
        assert not server.requests
