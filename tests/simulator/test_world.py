"""Tasks and counters of the pretend platform, with the time passed in."""

from __future__ import annotations

import math
import uuid
from itertools import pairwise

import pytest

from altcraft_async.models import CountersReport
from altcraft_async.simulator import Target
from altcraft_async.simulator.catalogue import UnknownObjectError
from altcraft_async.simulator.timestamps import instant
from altcraft_async.simulator.world import TaskState, World

RESOURCE = Target("resource", (24, 1))


def polled(world: World, task_id: str, now: float) -> TaskState:
    """Poll a known task."""
    state = world.poll(task_id, now)
    assert state is not None
    return state


def refreshed(world: World, target: Target = RESOURCE) -> CountersReport:
    """Start a refresh and return its report."""
    report = polled(world, world.start(target, 0.0), math.inf).report
    assert report is not None
    return report


def test_task_runs_shows_progress_and_completes() -> None:
    world = World(duration=2.0)
    task_id = world.start(RESOURCE, 10.0)
    assert polled(world, task_id, 10.0) == TaskState("running", 0)
    assert polled(world, task_id, 11.0) == TaskState("running", 50)
    assert polled(world, task_id, 11.999) == TaskState("running", 99)
    done = polled(world, task_id, 12.0)
    assert (done.status, done.progress) == ("completed", 100)
    assert done.report is not None


def test_poll_before_the_start_shows_no_progress() -> None:
    world = World(duration=2.0)
    assert polled(world, world.start(RESOURCE, 10.0), 5.0) == TaskState("running", 0)


def test_progress_outside_of_0_to_99_is_limited_to_it() -> None:
    below, above = (
        World(duration=2.0, curve=lambda _: -1.0),
        World(duration=2.0, curve=lambda _: 7.0),
    )
    assert polled(below, below.start(RESOURCE, 0.0), 1.0).progress == 0
    assert polled(above, above.start(RESOURCE, 0.0), 1.0).progress == 99


def test_task_of_infinite_duration_never_ends() -> None:
    world = World(duration=math.inf)
    assert polled(world, world.start(RESOURCE, 0.0), 1e12) == TaskState("running", 0)


def test_ids_progress_and_counters_depend_on_the_seed_and_not_on_the_time() -> None:
    def history(seed: int, now: float) -> list[object]:
        world = World(seed=seed, curve="noisy")
        ids = [world.start(Target("resource", (number, 1)), now) for number in range(1, 20)]
        polls = [polled(world, task_id, now + 1) for task_id in ids]
        states = [(state.status, state.progress) for state in polls]
        return [ids, states, world.counters(3, 1)]

    assert history(5, 0.0) == history(5, 4096.0)
    assert history(5, 0.0) != history(6, 0.0)


def test_task_id_of_a_target_does_not_depend_on_other_targets() -> None:
    other = Target("resource", (25, 1))
    first, second = World(), World()
    first_ids = {target: first.start(target, 0.0) for target in (RESOURCE, other)}
    second_ids = {target: second.start(target, 0.0) for target in (other, RESOURCE)}
    assert first_ids == second_ids


def test_task_ids_are_unique_uuids() -> None:
    world = World()
    ids = [world.start(RESOURCE, 0.0) for _ in range(50)]
    assert len(set(ids)) == 50
    assert all(str(uuid.UUID(task_id)) == task_id for task_id in ids)


def test_starts_are_counted_per_target() -> None:
    world = World()
    world.start(RESOURCE, 0.0)
    world.start(RESOURCE, 0.0)
    assert world.starts["resource", (24, 1)] == 2
    assert world.starts["database", (24, 1)] == 0


def test_each_refresh_changes_the_counters() -> None:
    world = World()
    subscribed = [refreshed(world)["email"].subscribed for _ in range(200)]
    assert all(before != after for before, after in pairwise(subscribed))


def test_counters_are_consistent() -> None:
    """The statuses never exceed the profiles, nor the sendable the subscribed."""
    world = World()
    for resource in range(1, 31):
        reports = [refreshed(world, Target("resource", (resource, 2))) for _ in range(20)]
        for counters in (report["email"] for report in reports):
            states = (
                counters.subscribed,
                counters.unsubscribed,
                counters.complained,
                counters.hardbounced,
                counters.unconfirmed,
                counters.suspended,
                counters.invalid,
            )
            assert sum(count or 0 for count in states) <= (counters.all or 0)
            assert (counters.subscribed_sendable or 0) <= (counters.subscribed or 0)
            assert (counters.unconfirmed_sendable or 0) <= (counters.unconfirmed or 0)


def test_all_is_the_same_in_every_channel_and_resource_of_a_database() -> None:
    world = World()
    profiles = [
        world.counters(resource, 1)[channel].all
        for resource in (1, 2)
        for channel in ("email", "sms")
    ]
    assert len(set(profiles)) == 1


def test_refresh_of_a_database_has_the_counters_of_the_resource() -> None:
    world = World()
    report = refreshed(world, Target("database", (1, 24)))
    assert report.channels == world.counters(24, 1)
    assert report.groups[0].database_id == 1


def test_group_of_a_resource_has_the_times_of_its_task() -> None:
    world = World(duration=1.5)
    report = polled(world, world.start(RESOURCE, 60.0), 100.0).report
    assert report is not None
    group = report.groups[0]
    assert group.resource_id is None
    assert group.updated == instant(61.5)
    assert group.last_count_time == "counted at 2030-01-01T00:01:00Z in 1.5s"


def test_group_of_a_segment_has_two_counters_and_names_the_resource() -> None:
    world = World()
    report = refreshed(world, Target("segment", (7, 24, 1)))
    group = report.groups[0]
    assert (group.database_id, group.resource_id, group.last_count_time) == (1, 24, "")
    whole = world.counters(24, 1)["email"].subscribed_sendable or 0
    assert 0 < (report["email"].subscribed_sendable or 0) < whole
    assert report["email"].subscribed is None


def test_segment_without_a_database_is_counted_in_its_own() -> None:
    report = refreshed(World(databases=3), Target("segment", (7, 24)))
    assert report.groups[0].database_id == 2


@pytest.mark.parametrize(
    ("target", "missing"),
    [
        (Target("resource", (9, 1)), "resource 9"),
        (Target("resource", (1, 9)), "database 9"),
        (Target("database", (9, 1)), "database 9"),
        (Target("segment", (9, 1)), "segment 9"),
        (Target("segment", (1, 9)), "resource 9"),
    ],
)
def test_start_for_an_unknown_object_is_refused_and_not_counted(
    target: Target, missing: str
) -> None:
    world = World(resources=2, databases=2, segments=2)
    with pytest.raises(UnknownObjectError, match=missing):
        world.start(target, 0.0)
    assert not world.starts


def test_segment_on_a_platform_without_databases_cannot_be_started() -> None:
    with pytest.raises(UnknownObjectError, match="database"):
        World(databases=0).start(Target("segment", (1, 1)), 0.0)


def test_failure_without_a_time_comes_at_the_end() -> None:
    world = World(duration=2.0)
    task_id = world.start(RESOURCE, 0.0)
    world.fail(task_id, "broken")
    assert polled(world, task_id, 1.0) == TaskState("running", 50)
    assert polled(world, task_id, 2.0) == TaskState("broken", 99)


def test_failure_at_a_time_keeps_the_progress_of_that_time() -> None:
    world = World(duration=2.0)
    task_id = world.start(RESOURCE, 10.0)
    world.fail(task_id, at=11.0)
    assert polled(world, task_id, 11.0) == polled(world, task_id, 50.0) == TaskState("failed", 50)


def test_task_of_zero_duration_can_fail() -> None:
    world = World(duration=0.0)
    task_id = world.start(RESOURCE, 10.0)
    world.fail(task_id, at=11.0)
    assert polled(world, task_id, 11.0) == TaskState("failed", 99)


def test_forgotten_task_is_unknown_and_failing_it_does_nothing() -> None:
    world = World()
    task_id = world.start(RESOURCE, 0.0)
    world.forget(task_id)
    world.forget(task_id)
    world.fail(task_id)
    assert world.poll(task_id, 1.0) is None
