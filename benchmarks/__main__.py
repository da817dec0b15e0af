"""Run benchmarks: ``python -m benchmarks [options] [name …]``; all of them by default.

A run prints its tables, writes ``benchmarks/results/<name>.json`` and updates
``benchmarks/README.md``. With ``--quick`` it only prints. A criterion that is
not met is printed at the end, and the status is 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from benchmarks import (
    end_to_end,
    imports,
    monitor,
    observers,
    outage,
    policies,
    polls,
    scheduler,
    soak,
    starts,
)
from benchmarks.results import Tables, circumstances, publish, render, store


class Benchmark(Protocol):
    """A benchmark module."""

    def main(self) -> Tables:
        """Measure and return the tables."""
        ...

    def quick(self) -> Tables:
        """Do the same in the smallest size, to see that everything runs."""
        ...


BENCHMARKS: Mapping[str, Benchmark] = {
    "polls": polls,
    "policies": policies,
    "scheduler": scheduler,
    "end_to_end": end_to_end,
    "starts": starts,
    "soak": soak,
    "imports": imports,
    "observers": observers,
    "monitor": monitor,
    "outage": outage,
}


def main() -> None:
    """Run the requested benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run benchmarks.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_true", help="smallest sizes; write nothing")
    sizes.add_argument(
        "--refreshes",
        type=int,
        default=end_to_end.REFRESHES,
        help="of end_to_end: 1,000, 10,000 or 100,000 at once",
    )
    arguments = parser.parse_args()
    names: list[str] = arguments.names
    for name in names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark {name!r}, only {', '.join(BENCHMARKS)}")
    broken: list[str] = []
    for name in names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        if arguments.quick:
            broken += run(name, benchmark.quick, publishing=False)
        elif name == "end_to_end":
            broken += run(name, partial(end_to_end.main, arguments.refreshes), publishing=True)
        else:
            broken += run(name, benchmark.main, publishing=True)
    for criterion in broken:
        print(criterion, file=sys.stderr)
    sys.exit(bool(broken))


def run(name: str, measure: Callable[[], Tables], *, publishing: bool) -> list[str]:
    """Run one benchmark and print its tables; return the criteria that are not met."""
    about = circumstances()
    tables = measure()
    print(f"\n{render(name, about, tables)}", flush=True)
    if publishing:
        store(name, about, tables)
        publish(name, about, tables)
    return broken_criteria(name, tables)


def broken_criteria(name: str, tables: Tables) -> list[str]:
    """Say for each criterion that is not met what was measured and what is required."""
    rows = (row for rows in tables.values() for row in rows)
    return [
        f"{name}: {row['criterion']} is {row['measured']}, required {row['required']}"
        for row in rows
        if row.get("met") == "no"
    ]


if __name__ == "__main__":
    main()
