"""The objects of the pretend platform, and the figures that are told of them."""

from __future__ import annotations

import pytest

from altcraft_async.simulator import Simulator, Target
from altcraft_async.simulator.world import World


def test_a_platform_has_several_hundred_objects_by_default() -> None:
    """They are numbered from 1."""
    world = Simulator().world
    assert (world.resources, world.databases, world.segments) == (
        range(1, 501),
        range(1, 201),
        range(1, 301),
    )


def test_the_same_seed_gives_the_same_objects_in_whichever_order() -> None:
    """Each object is drawn by the seed and its id alone."""
    forth, back = World(seed=4), World(seed=4)
    numbers = range(1, 40)
    resources = [forth.resource(number) for number in numbers]
    assert resources == [back.resource(number) for number in reversed(numbers)][::-1]
    assert resources != [World(seed=5).resource(number) for number in numbers]
    assert forth.database(7) == back.database(7)
    assert forth.segment(9) == back.segment(9)


def test_other_objects_change_nothing_about_one() -> None:
    """A larger platform has the same resource, figures included."""
    small, large = World(resources=24, databases=3), World()
    assert small.resource(24).name == large.resource(24).name
    assert small.counters(24, 1) == large.counters(24, 1)


def test_the_figures_of_the_first_example_stay() -> None:
    """Resource 24 in database 1 is what people meet first."""
    world = World()
    world.start(Target("resource", (24, 1)), 0.0)
    figures = [counters.subscribed for counters in world.counters(24, 1).values()]
    assert figures == [109117, 85687, 113483]


def test_ids_can_be_given_and_come_in_order() -> None:
    """Instead of a number of objects, any ids will do."""
    world = World(resources=[5, 2, 9], databases=[30, 10], segments=[4, 4])
    assert list(world.resources) == [2, 5, 9]
    assert list(world.segments) == [4]
    assert world.resource(2).database_ids[0] == 10
    assert world.segment(4).database_id == 10


@pytest.mark.parametrize("ids", [[0, 1], [-1]])
def test_an_id_that_is_not_positive_is_refused(ids: list[int]) -> None:
    """No request could name it."""
    with pytest.raises(ValueError, match="positive"):
        Simulator(segments=ids)


def test_a_segment_without_a_database_is_empty_and_static() -> None:
    """There is nobody who could be in it."""
    world = World(databases=0)
    assert world.segment_size(3) == 0
    assert not world.segment(3).is_dynamic
