"""Run benchmarks: ``python -m benchmarks [--full] [name …]``; without a name, all of them.

Each is a module here with a ``main()`` that returns tables; what is compared
was measured side by side in one run, and absolute times hold for one machine
only. The tables are printed, written to ``benchmarks/results/<name>.json``,
and put into ``benchmarks/README.md``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from benchmarks import end_to_end, looks, policies, scheduling
from benchmarks.results import circumstances, publish, show, store
from benchmarks.side_by_side import Row

BENCHMARKS: Mapping[str, Callable[[], dict[str, list[Row]]]] = {
    "looks": looks.main,
    "policies": policies.main,
    "scheduling": scheduling.main,
    "end_to_end": end_to_end.main,
}


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run benchmarks.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--full", action="store_true", help="end_to_end with 10,000 refreshes")
    arguments = parser.parse_args()
    names: list[str] = arguments.names
    for name in names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark {name!r}, only {', '.join(BENCHMARKS)}")
    benchmarks = dict(BENCHMARKS)
    if arguments.full:
        benchmarks["end_to_end"] = lambda: end_to_end.main(end_to_end.FULL)
    for name in names or BENCHMARKS:
        about = circumstances()
        tables = benchmarks[name]()
        text = show(name, about, tables)
        print(f"\n{text}", flush=True)
        store(name, about, tables)
        publish(name, text)


if __name__ == "__main__":
    main()
