"""`altcraft demo`, quick and small."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from altcraft_async import TariffLimitError
from altcraft_async.cli.actions.demo import run_demo
from altcraft_async.simulator import Fault, Simulator, Target

Altcraft = Callable[..., tuple[int, str, str]]
Capture = pytest.CaptureFixture[str]


def quick(*, refused: float = 0.0) -> Simulator:
    """Return a simulator of five resources and short tasks; it refuses a share of the starts."""
    server = Simulator(resources=5, duration=0.002)
    fault = Fault.refuse(402, "Tariff limit")
    server.misbehave_randomly(rate=refused, faults=[fault], methods=["resources/refresh_counters"])
    return server


def test_demo_ends_with_counters_and_totals(capsys: Capture) -> None:
    run_demo(quick())
    out, err = capsys.readouterr()
    *table, totals = out.splitlines()
    assert err == ""
    assert [line.split()[0] for line in table[2:5]] == ["email", "sms", "push"]
    assert {line.split()[0] for line in table[8:13]} == {"resource"}
    assert totals.startswith("5 of 5 refreshes, ")


def test_demo_with_json_prints_each_refresh_then_totals(capsys: Capture) -> None:
    run_demo(quick(), form="json")
    *refreshes, totals = map(json.loads, capsys.readouterr().out.splitlines())
    assert sorted(one["target"] for one in refreshes) == [[number, 1] for number in range(1, 6)]
    assert (totals["refreshes"], totals["completed"], totals["failed"]) == (5, 5, 0)
    assert totals["polls"] == sum(one["polls"] for one in refreshes)
    subscribed = [one["rows"][0]["subscribed"] for one in refreshes]
    assert totals["channels"]["email"]["subscribed"] == sum(subscribed)


def test_demo_shows_the_counters_of_its_seed(altcraft: Altcraft) -> None:
    world = Simulator(seed=7, resources=2).world
    for number in world.resources:
        world.start(Target("resource", (number, 1)), now=0)
    subscribed = sum(world.counters(number, 1)["email"].subscribed or 0 for number in (1, 2))
    code, out, err = altcraft("demo", "--refreshes", "2", "--seed", "7", "--format", "xml")
    assert (code, err) == (0, "")
    assert out.splitlines()[2].split()[:2] == ["email", f"{subscribed:,}"]


def test_demo_with_failures_and_json_raises_the_first_after_the_totals(capsys: Capture) -> None:
    with pytest.raises(TariffLimitError, match="Tariff limit"):
        run_demo(quick(refused=1), form="json")
    *refreshes, totals = map(json.loads, capsys.readouterr().out.splitlines())
    assert {one["error"] for one in refreshes} == {"TariffLimitError"}
    assert (totals["completed"], totals["failed"], totals["channels"]) == (0, 5, {})


def test_demo_with_failures_raises_the_first_after_the_table(capsys: Capture) -> None:
    with pytest.raises(TariffLimitError, match=r"^resources/refresh_counters: "):
        run_demo(quick(refused=1))
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith("0 of 5 refreshes, 0 polls, ")
    assert err == "altcraft: 5 of 5 failed; the first error:\n"
