"""`altcraft demo`, quick and small, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable

from altcraft_async.simulator import Simulator, Target

Altcraft = Callable[..., tuple[int, str, str]]

QUICK = ("demo", "--refreshes", "5", "--speed", "1000")


def test_demo_ends_with_counters_and_totals(altcraft: Altcraft) -> None:
    """A demo needs no account and ends with a row per channel and a line of totals."""
    code, out, err = altcraft(*QUICK)
    *table, totals = out.splitlines()
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in table[2:]] == ["email", "sms", "push"]
    assert totals.startswith("5 of 5 refreshes, ")


def test_demo_with_json_prints_each_refresh_then_totals(altcraft: Altcraft) -> None:
    """Each line is a document; the last one adds the others up, polls included."""
    code, out, _ = altcraft(*QUICK, "--json")
    *refreshes, totals = map(json.loads, out.splitlines())
    assert code == 0
    assert sorted(one["target"] for one in refreshes) == [[number, 1] for number in range(1, 6)]
    assert (totals["refreshes"], totals["completed"], totals["failed"]) == (5, 5, 0)
    assert totals["polls"] == sum(one["polls"] for one in refreshes)
    figures = [one["groups"][0]["channels"]["email"]["subscribed"] for one in refreshes]
    assert totals["channels"]["email"]["subscribed"] == sum(figures)


def test_demo_shows_the_figures_of_its_seed(altcraft: Altcraft) -> None:
    """In either format, the seed alone decides what is counted."""
    world = Simulator(seed=7, resources=5).world
    for number in world.resources:
        world.start(Target("resource", (number, 1)), now=0)
    figures = [world.counters(number, 1)["email"].subscribed or 0 for number in world.resources]
    _, out, _ = altcraft(*QUICK, "--seed", "7", "--format", "xml")
    assert out.splitlines()[2].split()[:2] == ["email", str(sum(figures))]


def test_demo_with_failures_exits_like_the_first_of_them(altcraft: Altcraft) -> None:
    """What fails is counted and shown, and the exit code is not 0."""
    code, out, err = altcraft(*QUICK, "--trouble", "1", "--json")
    *refreshes, totals = map(json.loads, out.splitlines())
    assert code == 3
    assert {one["error"] for one in refreshes} == {"TariffLimitError"}
    assert (totals["completed"], totals["failed"], totals["channels"]) == (0, 5, {})
    assert "Tariff limit" in err


def test_demo_with_failures_still_shows_the_totals(altcraft: Altcraft) -> None:
    """The totals come before the error, also where nothing was completed."""
    code, out, err = altcraft(*QUICK, "--trouble", "1")
    assert code == 3
    assert out.splitlines()[-1].startswith("0 of 5 refreshes, 0 polls, ")
    assert err.startswith("altcraft: 5 of 5 failed, the first of them with:\n")
    assert err.splitlines()[1].startswith("altcraft: resources/refresh_counters: ")
