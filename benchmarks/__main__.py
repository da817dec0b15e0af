"""Run benchmarks: ``python -m benchmarks [--full | --quick] [name …]``; all, without a name.

Each is a module here with a ``main()`` that returns tables; what is compared
was measured side by side in one run, and absolute times hold for one machine
only. The tables are printed, written to ``benchmarks/results/<name>.json``,
and put into ``benchmarks/README.md``. A row that says of a bar that it does
not hold, as the soak's may, ends the run with status 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping

from benchmarks import end_to_end, importing, observing, policies, polls, scheduling, soak
from benchmarks.results import circumstances, publish, show, store
from benchmarks.side_by_side import Row

BENCHMARKS: Mapping[str, Callable[[], dict[str, list[Row]]]] = {
    "polls": polls.main,
    "policies": policies.main,
    "scheduling": scheduling.main,
    "end_to_end": end_to_end.main,
    "soak": soak.main,
    "importing": importing.main,
    "observing": observing.main,
}


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run benchmarks.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--full", action="store_true", help="end_to_end with 10,000 refreshes")
    parser.add_argument("--quick", action="store_true", help="soak alone, briefly, writing nothing")
    arguments = parser.parse_args()
    names: list[str] = arguments.names
    for name in names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark {name!r}, only {', '.join(BENCHMARKS)}")
    if arguments.quick:
        if names not in ([], ["soak"]):
            parser.error("only soak can be quick")
        tables = soak.quick()
        print(show("soak", circumstances(), tables))
        sys.exit(not all_hold(tables))
    benchmarks = dict(BENCHMARKS)
    if arguments.full:
        benchmarks["end_to_end"] = lambda: end_to_end.main(end_to_end.FULL)
    held = [run(name, benchmarks[name]) for name in names or BENCHMARKS]
    sys.exit(not all(held))


def run(name: str, benchmark: Callable[[], dict[str, list[Row]]]) -> bool:
    """Run one, show, store and publish its tables; return whether its bars hold."""
    about = circumstances()
    tables = benchmark()
    text = show(name, about, tables)
    print(f"\n{text}", flush=True)
    store(name, about, tables)
    publish(name, text)
    return all_hold(tables)


def all_hold(tables: Mapping[str, list[Row]]) -> bool:
    """Say whether no row says of a bar that it does not hold."""
    return all(row.get("holds") != "no" for rows in tables.values() for row in rows)


if __name__ == "__main__":
    main()
