"""Ten thousand refreshes while three of ten requests fail: outcomes and leftovers.

The criteria apply to this library; the rivals show that the faults are severe
enough to cause duplicate starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from benchmarks.comparison import Row, rounded
from benchmarks.contenders.soak.runner import SoakResult
from benchmarks.processes import Measurements, contender_output, running_server
from benchmarks.servers.faults import Fault

SEED = "1"

Name = Literal["ours", "ambiguous starts", "naive"]

COMMANDS: Mapping[Name, Sequence[str]] = {
    "ours": ["ours"],
    "ambiguous starts": ["ours", "ambiguous"],
    "naive": ["naive"],
}

TITLES: Mapping[Name, str] = {
    "ours": "ours, `refresh_many`, JSON and XML",
    "ambiguous starts": "the same with `Retry(ambiguous_starts=True)`",
    "naive": "aiohttp, a Task per refresh, tenacity on any error",
}


class Size(NamedTuple):
    """How much is refreshed.

    Attributes:
        rounds: An even number, so that there is a second half.
        resources: Refreshed in each round, all at the same time.
        blocks: Python memory blocks that each refresh of the second half may
            add. The policy learns about resources that complete for the first
            time, and a short run has more of those. A leaked handle takes more
            than twenty.
    """

    rounds: int
    resources: int
    blocks: float


FULL, QUICK = Size(4, 2_500, blocks=1.0), Size(4, 250, blocks=8.0)

MAX_GROWTH = 3.0
"""Percent by which the process may grow in the second half, including memory that malloc keeps."""

MIN_DISTURBED = 30.0
"""Percent of the requests."""


class Run(NamedTuple):
    """The result of one contender, and what the server counted meanwhile."""

    result: SoakResult
    counts: Measurements

    @property
    def disturbed(self) -> float:
        """Return the percentage of disturbed requests."""
        return 100 * sum(self.counts[fault.value] for fault in Fault) / self.counts["requests"]


def main() -> dict[str, list[Row]]:
    """Run all contenders, one after the other."""
    return _tables({name: run(name, FULL) for name in COMMANDS}, FULL)


def quick() -> dict[str, list[Row]]:
    """Run this library alone, for half a minute at most."""
    return _tables({"ours": run("ours", QUICK)}, QUICK)


def run(name: Name, size: Size) -> Run:
    """Run one contender against a server of its own."""
    module, *arguments = COMMANDS[name]
    with running_server("faulty_server", SEED) as server:
        numbers = map(str, (server.port, size.rounds, size.resources))
        output = contender_output(f"soak.{module}", *numbers, *arguments)
    return Run(msgspec.json.decode(output, type=SoakResult), server.counts)


def criteria(ours: Run, size: Size) -> list[Row]:
    """Return the criteria for a run of this size, and whether each is met."""
    result, outcomes = ours.result, ours.result.outcomes
    zero = {
        "refreshes without an outcome": outcomes.unresolved,
        "refreshes with more than one outcome": outcomes.duplicated,
        "wrong results": outcomes.wrong,
        "resources started more than once": outcomes.started_twice,
        "errors that deny a start that happened": outcomes.start_denied,
        "sockets and files left open": result.files_left,
        "connections left open at the server": result.connections_left,
        "tasks left in the loop": result.tasks_left,
        "kinds of faults that never occurred": sum(not ours.counts[one.value] for one in Fault),
    }
    middle, end = result.rounds[size.rounds // 2 - 1], result.rounds[-1]
    growth = 100 * (end.idle / middle.idle - 1)
    blocks = 2 * (end.blocks - middle.blocks) / outcomes.requested
    disturbed = ours.disturbed
    return [
        *(_criterion(name, "0", count, met=count == 0) for name, count in zero.items()),
        _criterion(
            "memory growth in the second half, %",
            f"≤ {MAX_GROWTH:g}",
            growth,
            met=growth <= MAX_GROWTH,
        ),
        _criterion(
            "Python memory blocks added by each refresh of that half",
            f"≤ {size.blocks:g}",
            blocks,
            met=blocks <= size.blocks,
        ),
        _criterion(
            "disturbed requests, %",
            f"≥ {MIN_DISTURBED:g}",
            disturbed,
            met=disturbed >= MIN_DISTURBED,
        ),
    ]


def _criterion(name: str, required: str, measured: float, *, met: bool) -> Row:
    return {
        "criterion": name,
        "required": required,
        "measured": rounded(measured),
        "met": "yes" if met else "no",
    }


def _tables(runs: Mapping[Name, Run], size: Size) -> dict[str, list[Row]]:
    ours = runs["ours"]
    refreshes = ours.result.outcomes.requested
    return {
        f"{refreshes:,} refreshes, {ours.disturbed:.0f} % of all requests disturbed": [
            _row(TITLES[name], one) for name, one in runs.items()
        ],
        "Criteria for ours": criteria(ours, size),
        "Errors": _errors(runs),
        "Faults that occurred": [
            {"fault": fault.value, **{name: one.counts[fault.value] for name, one in runs.items()}}
            for fault in Fault
        ],
        "Memory of ours": _memory(ours.result),
    }


def _row(title: str, one: Run) -> Row:
    result, outcomes = one.result, one.result.outcomes
    return {
        "client": title,
        "correct": outcomes.correct,
        "errors": sum(outcomes.errors.values()),
        "wrong": outcomes.wrong,
        "no outcome": outcomes.unresolved,
        "started more than once": outcomes.started_twice,
        "requests": int(one.counts["requests"]),
        "wall s": rounded(result.wall),
        "CPU s": rounded(result.cpu),
        "peak RSS MB": rounded(result.peak / 2**20),
    }


def _errors(runs: Mapping[Name, Run]) -> list[Row]:
    outcomes = {name: one.result.outcomes for name, one in runs.items()}
    kinds = sorted({kind for one in outcomes.values() for kind in one.errors})
    return [
        *(
            {"error": kind, **{name: one.errors.get(kind, 0) for name, one in outcomes.items()}}
            for kind in kinds
        ),
        {
            "error": "of those with maybe started: did start",
            **{name: one.maybe_started for name, one in outcomes.items()},
        },
    ]


def _memory(result: SoakResult) -> list[Row]:
    refreshes = result.outcomes.requested // len(result.rounds)
    return [
        {
            "refreshes": number * refreshes,
            "peak RSS MB": rounded(one.peak / 2**20),
            "RSS with nothing in flight MB": rounded(one.idle / 2**20),
            "Python memory blocks": one.blocks,
        }
        for number, one in enumerate(result.rounds, start=1)
    ]
