"""A short soak: hundreds of refreshes while three of ten requests fail, checked by its own bars.

What these processes do is shown by benchmarks/README.md; here it is that the
bars hold, and that they would not hold if something were broken.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("matplotlib", reason="needs the extra `bench`")

from benchmarks import soak
from benchmarks.contenders.soaks.memory import Memory
from benchmarks.contenders.soaks.soaking import Soaked
from benchmarks.contenders.soaks.tally import Round, Tally
from benchmarks.serving.bodies import CHANNELS
from benchmarks.serving.faults import Fault
from benchmarks.serving.recounts import figures

ROOT = Path(__file__).parents[1]


def broken(ours: soak.Run) -> list[object]:
    """Return the names of the bars that do not hold in a short run."""
    return [row["bar"] for row in soak.bars(ours, soak.QUICK) if row["holds"] == "no"]


@pytest.fixture
def sound() -> soak.Run:
    """A run in which everything went as it should."""
    soaked = Soaked(
        tally=Tally(
            asked=1000, right=700, errors={"TransportError, maybe started": 300}, maybe=300
        ),
        rounds=[Memory(most=5e7, left=4e7, blocks=100_000) for _ in range(4)],
        files_left=0,
        connections_left=0,
        tasks_left=0,
        peak=5e7,
        wall=10.0,
        cpu=5.0,
    )
    return soak.Run(soaked, {"requests": 400, **{fault.value: 10.0 for fault in Fault}})


@pytest.mark.slow
def test_short_soak_holds_every_bar() -> None:
    """A thousand refreshes come out once each, rightly or with an error, and leave nothing."""
    command = [sys.executable, "-m", "benchmarks", "--quick", "soak"]
    done = subprocess.run(  # noqa: S603 -- our own module
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    fired = {
        fault: int(line.split("|")[2])
        for fault in Fault
        for line in done.stdout.splitlines()
        if line.startswith(f"| {fault.value} |")
    }
    assert fired.keys() == set(Fault)
    assert all(fired.values())


@pytest.mark.slow
def test_starts_repeated_without_knowing_break_the_bar_of_duplicates() -> None:
    """With ``ambiguous_starts`` resources are started twice, and the soak says so."""
    run = soak.run("opted in", soak.Size(2, 100, blocks=1e9))
    assert run.soaked.tally.twice > 0
    assert "resources started more than once" in broken(run)


def test_sound_run_breaks_no_bar(sound: soak.Run) -> None:
    """Errors with a type are no fault of the library."""
    assert broken(sound) == []


@pytest.mark.parametrize(
    ("field", "bar"),
    [
        ("unresolved", "refreshes without an outcome"),
        ("repeated", "refreshes with more than one outcome"),
        ("wrong", "wrong results"),
        ("twice", "resources started more than once"),
        ("denied", "errors that deny a start which happened"),
    ],
)
def test_single_refresh_that_goes_wrong_breaks_its_bar(
    sound: soak.Run, field: str, bar: str
) -> None:
    """One of a thousand is too many."""
    tally = msgspec.structs.replace(sound.soaked.tally, **{field: 1})
    soaked = msgspec.structs.replace(sound.soaked, tally=tally)
    assert broken(sound._replace(soaked=soaked)) == [bar]


@pytest.mark.parametrize(
    ("field", "bar"),
    [
        ("files_left", "sockets and files left open"),
        ("connections_left", "connections left open, as the server sees it"),
        ("tasks_left", "tasks left in the loop"),
    ],
)
def test_single_thing_left_behind_breaks_its_bar(sound: soak.Run, field: str, bar: str) -> None:
    """One is too many."""
    soaked = msgspec.structs.replace(sound.soaked, **{field: 1})
    assert broken(sound._replace(soaked=soaked)) == [bar]


def test_handle_kept_for_each_refresh_breaks_the_bar_of_memory(sound: soak.Run) -> None:
    """Twenty blocks for each refresh of the second half are a leak, in the first they are not."""
    *first, last = sound.soaked.rounds
    grown = msgspec.structs.replace(last, blocks=last.blocks + 20 * 500)
    soaked = msgspec.structs.replace(sound.soaked, rounds=[*first, grown])
    name = "Python's memory blocks more for each refresh of that half"
    assert broken(sound._replace(soaked=soaked)) == [name]
    soaked = msgspec.structs.replace(sound.soaked, rounds=[first[0], grown, grown, grown])
    assert broken(sound._replace(soaked=soaked)) == []


def test_fault_that_never_fired_breaks_its_bar(sound: soak.Run) -> None:
    """A soak without one of its faults has shown nothing of it."""
    counts = {**sound.counts, Fault.STALLED.value: 0}
    assert broken(sound._replace(counts=counts)) == [
        "kinds of faults that never came true",
        "requests disturbed, %",
    ]


def test_outcomes_are_checked_against_resource_and_task() -> None:
    """Figures are right for their own resource and task alone, and an outcome counts once."""
    tally = Tally()
    outcomes = Round(tally, [1, 2, 3, 4])
    outcomes.completed(1, "00000007", dict.fromkeys(CHANNELS, figures(1, "00000007")))
    outcomes.completed(2, "00000008", dict.fromkeys(CHANNELS, figures(1, "00000008")))
    outcomes.completed(2, "00000009", dict.fromkeys(CHANNELS, figures(2, "00000008")))
    outcomes.failed(3, "TransportError", started=False)
    outcomes.end({1: 1, 2: 2, 3: 1})
    assert tally == Tally(
        asked=4,
        right=1,
        wrong=2,
        repeated=1,
        unresolved=1,
        errors={"TransportError, not started": 1},
        twice=1,
        denied=1,
    )
