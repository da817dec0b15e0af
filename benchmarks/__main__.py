"""Run benchmarks: ``python -m benchmarks [name …]``; without a name, all of them.

Each is a module here with a ``main()`` that returns a table of ratios, all
measured side by side in one run; absolute times hold for one machine only.
The tables are printed and written to ``benchmarks/results/<name>.json``.
"""

from __future__ import annotations

import importlib
import json
import platform
import sys
from pathlib import Path

NAMES = ("scheduling",)


def main() -> None:
    """Run what is asked for."""
    for name in sys.argv[1:] or NAMES:
        if name not in NAMES:
            sys.exit(f"no benchmark {name!r}, only {', '.join(NAMES)}")
        rows: list[dict[str, object]] = importlib.import_module(f"benchmarks.{name}").main()
        print(f"\n## {name} (CPython {platform.python_version()}, {platform.machine()})\n")
        print("| " + " | ".join(rows[0]) + " |")
        print("|" + " --- |" * len(rows[0]))
        for row in rows:
            print("| " + " | ".join(map(str, row.values())) + " |")
        results = Path(__file__).parent / "results"
        results.mkdir(exist_ok=True)
        (results / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n")


main()
