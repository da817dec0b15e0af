"""Ten thousand refreshes while three of ten requests fail: what comes out, and what is left.

The bars are this library's own; a run in which one of them does not hold ends
with status 1. The rivals show that the faults bite: they start resources twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from benchmarks.contenders.soaks.soaking import Soaked
from benchmarks.processes import Figures, printed_by, served
from benchmarks.serving.faults import Fault
from benchmarks.side_by_side import Row, round_off

SEED = "1"

Name = Literal["ours", "opted in", "naive"]

MODULES: Mapping[Name, Sequence[str]] = {
    "ours": ["ours"],
    "opted in": ["ours", "ambiguous"],
    "naive": ["naive"],
}

TITLES: Mapping[Name, str] = {
    "ours": "ours, `refresh_many`, JSON and XML",
    "opted in": "the same with `Retry(ambiguous_starts=True)`",
    "naive": "aiohttp, a Task each, tenacity on any error",
}


class Size(NamedTuple):
    """How much is refreshed.

    Attributes:
        rounds: Even, so that there is a second half.
        resources: Refreshed in each of them, all at the same time.
        blocks: Memory blocks of Python's that may be added for each refresh
            in the second half: what is learned of resources that come out for
            the first time, which are more in a short run. A handle and what
            belongs to it are more than twenty.
    """

    rounds: int
    resources: int
    blocks: float


FULL, QUICK = Size(4, 2_500, blocks=1.0), Size(4, 250, blocks=8.0)

MOST_GROWTH = 3.0
"""Percent that the process may grow by in the second half, with what malloc keeps for itself."""

LEAST_DISTURBED = 30.0
"""Percent of the requests."""


class Run(NamedTuple):
    """What a contender came to, and what the server counted meanwhile."""

    soaked: Soaked
    counts: Figures

    @property
    def disturbed(self) -> float:
        """Return the percentage of requests that were disturbed."""
        fired = sum(self.counts[fault.value] for fault in Fault)
        return 100 * fired / self.counts["requests"]


def main() -> dict[str, list[Row]]:
    """Run everybody, one after the other."""
    return _tables({name: run(name, FULL) for name in MODULES}, FULL)


def quick() -> dict[str, list[Row]]:
    """Run this library alone, for half a minute at most."""
    return _tables({"ours": run("ours", QUICK)}, QUICK)


def run(name: Name, size: Size) -> Run:
    """Run one contender against a server of its own."""
    module, *arguments = MODULES[name]
    with served(SEED, "faulty") as server:
        numbers = map(str, (server.port, size.rounds, size.resources))
        printed = printed_by(f"soaks.{module}", *numbers, *arguments)
    return Run(msgspec.json.decode(printed, type=Soaked), server.counts)


def bars(ours: Run, size: Size) -> list[Row]:
    """Return what has to hold in a run of this size, and whether it does."""
    tally, soaked = ours.soaked.tally, ours.soaked
    silent = sum(not ours.counts[fault.value] for fault in Fault)
    nothing = {
        "refreshes without an outcome": tally.unresolved,
        "refreshes with more than one outcome": tally.repeated,
        "wrong results": tally.wrong,
        "resources started more than once": tally.twice,
        "errors that deny a start which happened": tally.denied,
        "sockets and files left open": soaked.files_left,
        "connections left open, as the server sees it": soaked.connections_left,
        "tasks left in the loop": soaked.tasks_left,
        "kinds of faults that never came true": silent,
    }
    middle, end = soaked.rounds[size.rounds // 2 - 1], soaked.rounds[-1]
    blocks = 2 * (end.blocks - middle.blocks) / tally.asked
    return [
        *(_bar(what, "0", count, holds=count == 0) for what, count in nothing.items()),
        _most(
            "growth of memory in the second half, %",
            MOST_GROWTH,
            100 * (end.left / middle.left - 1),
        ),
        _most("Python's memory blocks more for each refresh of that half", size.blocks, blocks),
        _bar(
            "requests disturbed, %",
            f"≥ {LEAST_DISTURBED:g}",
            ours.disturbed,
            holds=ours.disturbed >= LEAST_DISTURBED,
        ),
    ]


def _most(what: str, most: float, measured: float) -> Row:
    return _bar(what, f"≤ {most:g}", measured, holds=measured <= most)


def _bar(what: str, wanted: str, measured: float, *, holds: bool) -> Row:
    holding = "yes" if holds else "no"
    return {"bar": what, "wanted": wanted, "measured": round_off(measured), "holds": holding}


def _tables(runs: Mapping[Name, Run], size: Size) -> dict[str, list[Row]]:
    ours = runs["ours"]
    refreshes = ours.soaked.tally.asked
    return {
        f"{refreshes:,} refreshes, {ours.disturbed:.0f} % of all requests disturbed": [
            _row(TITLES[name], one) for name, one in runs.items()
        ],
        "What has to hold for ours": bars(ours, size),
        "Errors": _errors(runs),
        "Faults that came true": [
            {"fault": fault.value, **{name: one.counts[fault.value] for name, one in runs.items()}}
            for fault in Fault
        ],
        "Memory of ours": _memory(ours.soaked),
    }


def _row(title: str, one: Run) -> Row:
    soaked, tally = one.soaked, one.soaked.tally
    return {
        "client": title,
        "right": tally.right,
        "error": sum(tally.errors.values()),
        "wrong": tally.wrong,
        "unresolved": tally.unresolved,
        "started twice or more": tally.twice,
        "requests": int(one.counts["requests"]),
        "wall s": round_off(soaked.wall),
        "CPU s": round_off(soaked.cpu),
        "peak RSS MB": round_off(soaked.peak / 2**20),
    }


def _errors(runs: Mapping[Name, Run]) -> list[Row]:
    tallies = {name: one.soaked.tally for name, one in runs.items()}
    kinds = sorted({kind for tally in tallies.values() for kind in tally.errors})
    return [
        *(
            {"error": kind, **{name: tally.errors.get(kind, 0) for name, tally in tallies.items()}}
            for kind in kinds
        ),
        {
            "error": "of those that say maybe: started in truth",
            **{name: tally.maybe_started for name, tally in tallies.items()},
        },
    ]


def _memory(soaked: Soaked) -> list[Row]:
    each = soaked.tally.asked // len(soaked.rounds)
    return [
        {
            "refreshes": place * each,
            "RSS at most MB": round_off(one.most / 2**20),
            "RSS with nothing in flight MB": round_off(one.left / 2**20),
            "Python's blocks": one.blocks,
        }
        for place, one in enumerate(soaked.rounds, start=1)
    ]
