"""Run benchmarks: ``python -m benchmarks [--quick | --full] [name …]``; all of them by default.

A run prints its tables, writes ``benchmarks/results/<name>.json`` and updates
``benchmarks/README.md``. With ``--quick`` it only prints. A criterion that is
not met ends the run with status 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Protocol

from benchmarks import end_to_end, imports, observers, outage, policies, polls, scheduler, soak
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
    "soak": soak,
    "imports": imports,
    "observers": observers,
    "outage": outage,
}


def main() -> None:
    """Run the requested benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run benchmarks.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_true", help="smallest sizes; write nothing")
    sizes.add_argument("--full", action="store_true", help="end_to_end with 10,000 refreshes")
    arguments = parser.parse_args()
    names: list[str] = arguments.names
    for name in names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark {name!r}, only {', '.join(BENCHMARKS)}")
    met = True
    for name in names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        if arguments.quick:
            met &= run(name, benchmark.quick, publishing=False)
        elif arguments.full and name == "end_to_end":
            met &= run(name, end_to_end.full, publishing=True)
        else:
            met &= run(name, benchmark.main, publishing=True)
    sys.exit(not met)


def run(name: str, measure: Callable[[], Tables], *, publishing: bool) -> bool:
    """Run one benchmark and print its tables; return whether its criteria are met."""
    about = circumstances()
    tables = measure()
    print(f"\n{render(name, about, tables)}", flush=True)
    if publishing:
        store(name, about, tables)
        publish(name, about, tables)
    return all(row.get("met") != "no" for rows in tables.values() for row in rows)


if __name__ == "__main__":
    main()
