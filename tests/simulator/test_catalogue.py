"""The objects of the pretend platform."""

from __future__ import annotations

import pytest

from altcraft_async.simulator import Simulator, Target
from altcraft_async.simulator.world import World


def test_objects_are_numbered_from_1_by_default() -> None:
    world = Simulator().world
    assert (world.resources, world.databases, world.segments) == (
        range(1, 501),
        range(1, 201),
        range(1, 301),
    )


def test_objects_depend_on_the_seed_and_their_id_only() -> None:
    first, second = World(seed=4), World(seed=4)
    numbers = range(1, 40)
    resources = [first.resource(number) for number in numbers]
    assert resources == [second.resource(number) for number in reversed(numbers)][::-1]
    assert resources != [World(seed=5).resource(number) for number in numbers]
    assert first.database(7) == second.database(7)
    assert first.segment(9) == second.segment(9)


def test_object_is_the_same_on_a_larger_platform() -> None:
    small, large = World(resources=24, databases=3), World()
    assert small.resource(24).name == large.resource(24).name
    assert small.counters(24, 1) == large.counters(24, 1)


def test_counters_of_the_first_example_stay_the_same() -> None:
    world = World()
    world.start(Target("resource", (24, 1)), 0.0)
    subscribed = [counters.subscribed for counters in world.counters(24, 1).values()]
    assert subscribed == [109117, 85687, 113483]


def test_given_ids_are_sorted_and_unique() -> None:
    world = World(resources=[5, 2, 9], databases=[30, 10], segments=[4, 4])
    assert list(world.resources) == [2, 5, 9]
    assert list(world.segments) == [4]
    assert world.resource(2).database_ids[0] == 10
    assert world.segment(4).database_id == 10


@pytest.mark.parametrize("ids", [[0, 1], [-1]])
def test_id_that_is_not_positive_is_refused(ids: list[int]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Simulator(segments=ids)


def test_segment_without_a_database_is_empty_and_static() -> None:
    world = World(databases=0)
    assert world.segment_size(3) == 0
    assert not world.segment(3).is_dynamic
