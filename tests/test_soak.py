"""Runs a short soak, and checks that its criteria detect each kind of failure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("uvloop")  # on every system but Windows

from benchmarks import soak
from benchmarks.contenders.soak.memory import Memory
from benchmarks.contenders.soak.outcomes import OutcomeCounts, RoundOutcomes
from benchmarks.contenders.soak.runner import SoakResult
from benchmarks.servers.bodies import CHANNELS
from benchmarks.servers.faults import Fault
from benchmarks.servers.refreshes import expected_counters

ROOT = Path(__file__).parents[1]


def failed_criteria(ours: soak.Run) -> list[object]:
    """Return the names of the criteria that a short run does not meet."""
    return [row["criterion"] for row in soak.criteria(ours, soak.QUICK) if row["met"] == "no"]


@pytest.fixture
def good_run() -> soak.Run:
    """A run that meets all criteria."""
    result = SoakResult(
        outcomes=OutcomeCounts(
            requested=1000, correct=700, errors={"TransportError, maybe started": 300}
        ),
        rounds=[Memory(peak=5e7, idle=4e7, blocks=100_000) for _ in range(4)],
        files_left=0,
        connections_left=0,
        tasks_left=0,
        peak=5e7,
        wall=10.0,
        cpu=5.0,
    )
    return soak.Run(result, {"requests": 400, **{fault.value: 10.0 for fault in Fault}})


@pytest.mark.slow
def test_short_soak_meets_every_criterion() -> None:
    pytest.importorskip("matplotlib", reason="needs the extra `bench`")
    command = [sys.executable, "-m", "benchmarks", "--quick", "soak"]
    done = subprocess.run(  # noqa: S603 -- our own module
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    occurred = {
        fault: int(line.split("|")[2])
        for fault in Fault
        for line in done.stdout.splitlines()
        if line.startswith(f"| {fault.value} |")
    }
    assert occurred.keys() == set(Fault)
    assert all(occurred.values())


@pytest.mark.slow
def test_retrying_ambiguous_starts_fails_the_criterion_on_duplicate_starts() -> None:
    run = soak.run("ambiguous starts", soak.Size(2, 100, blocks=1e9))
    assert run.result.outcomes.started_twice > 0
    assert "resources started more than once" in failed_criteria(run)


def test_run_with_typed_errors_meets_all_criteria(good_run: soak.Run) -> None:
    assert failed_criteria(good_run) == []


@pytest.mark.parametrize(
    ("field", "criterion"),
    [
        ("unresolved", "refreshes without an outcome"),
        ("duplicated", "refreshes with more than one outcome"),
        ("wrong", "wrong results"),
        ("started_twice", "resources started more than once"),
        ("start_denied", "errors that deny a start that happened"),
    ],
)
def test_single_bad_outcome_fails_its_criterion(
    good_run: soak.Run, field: str, criterion: str
) -> None:
    outcomes = msgspec.structs.replace(good_run.result.outcomes, **{field: 1})
    result = msgspec.structs.replace(good_run.result, outcomes=outcomes)
    assert failed_criteria(good_run._replace(result=result)) == [criterion]


@pytest.mark.parametrize(
    ("field", "criterion"),
    [
        ("files_left", "sockets and files left open"),
        ("connections_left", "connections left open at the server"),
        ("tasks_left", "tasks left in the loop"),
    ],
)
def test_single_leftover_fails_its_criterion(
    good_run: soak.Run, field: str, criterion: str
) -> None:
    result = msgspec.structs.replace(good_run.result, **{field: 1})
    assert failed_criteria(good_run._replace(result=result)) == [criterion]


def test_memory_growth_fails_its_criterion_only_in_the_second_half(good_run: soak.Run) -> None:
    """A growth of twenty blocks for each refresh is that of a leaked handle."""
    *first, last = good_run.result.rounds
    grown = msgspec.structs.replace(last, blocks=last.blocks + 20 * 500)
    result = msgspec.structs.replace(good_run.result, rounds=[*first, grown])
    criterion = "Python memory blocks added by each refresh of that half"
    assert failed_criteria(good_run._replace(result=result)) == [criterion]
    result = msgspec.structs.replace(good_run.result, rounds=[first[0], grown, grown, grown])
    assert failed_criteria(good_run._replace(result=result)) == []


def test_fault_that_never_occurred_fails_its_criterion(good_run: soak.Run) -> None:
    counts = {**good_run.counts, Fault.STALLED.value: 0}
    assert failed_criteria(good_run._replace(counts=counts)) == [
        "kinds of faults that never occurred",
        "disturbed requests, %",
    ]


def test_outcomes_are_checked_against_resource_and_task() -> None:
    counts = OutcomeCounts()
    outcomes = RoundOutcomes(counts, [1, 2, 3, 4])
    outcomes.completed(1, "00000007", dict.fromkeys(CHANNELS, expected_counters(1, "00000007")))
    outcomes.completed(2, "00000008", dict.fromkeys(CHANNELS, expected_counters(1, "00000008")))
    outcomes.completed(2, "00000009", dict.fromkeys(CHANNELS, expected_counters(2, "00000008")))
    outcomes.failed(3, "TransportError", started=False)
    outcomes.end({1: 1, 2: 2, 3: 1})
    assert counts == OutcomeCounts(
        requested=4,
        correct=1,
        wrong=2,
        duplicated=1,
        unresolved=1,
        errors={"TransportError, not started": 1},
        started_twice=1,
        start_denied=1,
    )
