"""The pretend platform itself: objects, tasks and figures, with the time given by hand."""

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
    """Poll a task that has to be known."""
    poll = world.poll(task_id, now)
    assert poll is not None
    return poll


def refreshed(world: World, target: Target = RESOURCE) -> CountersReport:
    """Start a refresh and return what it gives in the end."""
    report = polled(world, world.start(target, 0.0), math.inf).report
    assert report is not None
    return report


def test_a_task_runs_shows_progress_and_completes() -> None:
    """A task is running below 100 percent until its duration is over, then it has a result."""
    world = World(duration=2.0)
    task_id = world.start(RESOURCE, 10.0)
    assert polled(world, task_id, 10.0) == TaskState("running", 0)
    assert polled(world, task_id, 11.0) == TaskState("running", 50)
    assert polled(world, task_id, 11.999) == TaskState("running", 99)
    done = polled(world, task_id, 12.0)
    assert (done.status, done.progress) == ("completed", 100)
    assert done.report is not None


def test_a_clock_that_went_back_shows_no_progress() -> None:
    """A poll before the start is a poll the beginning."""
    world = World(duration=2.0)
    assert polled(world, world.start(RESOURCE, 10.0), 5.0) == TaskState("running", 0)


def test_a_shape_off_the_bar_is_reported_within_it() -> None:
    """Whatever a curve says, progress is from 0 to 99 while the task runs."""
    below, above = (
        World(duration=2.0, curve=lambda _: -1.0),
        World(duration=2.0, curve=lambda _: 7.0),
    )
    assert polled(below, below.start(RESOURCE, 0.0), 1.0).progress == 0
    assert polled(above, above.start(RESOURCE, 0.0), 1.0).progress == 99


def test_an_endless_task_runs_for_ever() -> None:
    """An infinite duration never ends."""
    world = World(duration=math.inf)
    assert polled(world, world.start(RESOURCE, 0.0), 1e12) == TaskState("running", 0)


def test_the_same_seed_and_calls_give_the_same_world() -> None:
    """Ids, durations, curves and figures are drawn by the seed, whatever the time is."""

    def story(seed: int, now: float) -> list[object]:
        world = World(seed=seed, curve="noisy")
        ids = [world.start(Target("resource", (number, 1)), now) for number in range(1, 20)]
        polls = [polled(world, task_id, now + 1) for task_id in ids]
        states = [(poll.status, poll.progress) for poll in polls]
        return [ids, states, world.counters(3, 1)]

    assert story(5, 0.0) == story(5, 4096.0)
    assert story(5, 0.0) != story(6, 0.0)


def test_what_a_target_draws_does_not_depend_on_the_others() -> None:
    """Concurrent refreshes may start in any order: each target still gets its own task id."""
    other = Target("resource", (25, 1))
    forth, back = World(), World()
    forth_ids = {target: forth.start(target, 0.0) for target in (RESOURCE, other)}
    back_ids = {target: back.start(target, 0.0) for target in (other, RESOURCE)}
    assert forth_ids == back_ids


def test_task_ids_look_like_uuids_and_never_repeat() -> None:
    """Each start makes a task of its own, the same target or not."""
    world = World()
    ids = [world.start(RESOURCE, 0.0) for _ in range(50)]
    assert len(set(ids)) == 50
    assert all(str(uuid.UUID(task_id)) == task_id for task_id in ids)


def test_starts_are_counted_per_target() -> None:
    """The count is found by the kind and the ids, as a task ref has them."""
    world = World()
    world.start(RESOURCE, 0.0)
    world.start(RESOURCE, 0.0)
    assert world.starts["resource", (24, 1)] == 2
    assert world.starts["database", (24, 1)] == 0


def test_each_refresh_shows_new_figures() -> None:
    """People subscribe between two refreshes, so no two in a row are equal."""
    world = World()
    seen = [refreshed(world)["email"].subscribed for _ in range(200)]
    assert all(before != after for before, after in pairwise(seen))


def test_figures_are_possible_ones() -> None:
    """The seven states never outnumber the profiles, and no more are sendable than subscribed."""
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
    """``all`` counts the profiles of the database."""
    world = World()
    figures = [
        world.counters(resource, 1)[channel].all
        for resource in (1, 2)
        for channel in ("email", "sms")
    ]
    assert len(set(figures)) == 1


def test_a_database_refresh_counts_the_same_people() -> None:
    """A resource in a database and a database in a resource are the same audience."""
    world = World()
    report = refreshed(world, Target("database", (1, 24)))
    assert report.channels == world.counters(24, 1)
    assert report.groups[0].database_id == 1


def test_a_resource_group_says_when_it_was_counted() -> None:
    """The count begins with the task and the figures are stored at its end."""
    world = World(duration=1.5)
    poll = polled(world, world.start(RESOURCE, 60.0), 100.0)
    assert poll.report is not None
    group = poll.report.groups[0]
    assert group.resource_id is None
    assert group.updated == instant(61.5)
    assert group.last_count_time == "counted at 2030-01-01T00:01:00Z in 1.5s"


def test_a_segment_group_has_two_figures_and_names_the_resource() -> None:
    """Segments report what is sendable, a share of the database's, and no sentence on the count."""
    world = World()
    report = refreshed(world, Target("segment", (7, 24, 1)))
    group = report.groups[0]
    assert (group.database_id, group.resource_id, group.last_count_time) == (1, 24, "")
    whole = world.counters(24, 1)["email"].subscribed_sendable or 0
    assert 0 < (report["email"].subscribed_sendable or 0) < whole
    assert report["email"].subscribed is None


def test_a_segment_without_a_database_is_counted_in_its_own() -> None:
    """Every segment belongs to a database, which is taken where none is named."""
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
def test_an_object_that_is_not_there_is_named(target: Target, missing: str) -> None:
    """A start that cannot be done is refused and counts for nothing."""
    world = World(resources=2, databases=2, segments=2)
    with pytest.raises(UnknownObjectError, match=missing):
        world.start(target, 0.0)
    assert not world.starts


def test_a_world_without_databases_has_nothing_to_count() -> None:
    """A segment cannot have a database of its own where there is none."""
    with pytest.raises(UnknownObjectError, match="database"):
        World(databases=0).start(Target("segment", (1, 1)), 0.0)


def test_a_failing_task_runs_on_until_its_end() -> None:
    """Without a time, a failure comes when the result would have come."""
    world = World(duration=2.0)
    task_id = world.start(RESOURCE, 0.0)
    world.fail(task_id, "broken")
    assert polled(world, task_id, 1.0) == TaskState("running", 50)
    assert polled(world, task_id, 2.0) == TaskState("broken", 99)


def test_a_task_that_fails_now_keeps_the_progress_it_had() -> None:
    """With a time, a failure comes then, and later polls say the same."""
    world = World(duration=2.0)
    task_id = world.start(RESOURCE, 10.0)
    world.fail(task_id, at=11.0)
    assert polled(world, task_id, 11.0) == polled(world, task_id, 50.0) == TaskState("failed", 50)


def test_a_task_that_takes_no_time_can_fail() -> None:
    """A failure at once needs no time to fail in."""
    world = World(duration=0.0)
    task_id = world.start(RESOURCE, 10.0)
    world.fail(task_id, at=11.0)
    assert polled(world, task_id, 11.0) == TaskState("failed", 99)


def test_unknown_and_forgotten_tasks_are_not_known() -> None:
    """Nothing is said of a task that is not there, and failing or forgetting it does nothing."""
    world = World()
    task_id = world.start(RESOURCE, 0.0)
    world.forget(task_id)
    world.forget(task_id)
    world.fail(task_id)
    assert world.poll(task_id, 1.0) is None
