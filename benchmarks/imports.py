"""What importing the client and ``altcraft --help`` cost, against importing requirements only.

It is measured with bytecode, which ``pip install`` writes, and without, as in
a read-only checkout. The CPU time is taken in fresh interpreters and excludes
their start.
"""

from __future__ import annotations

import compileall
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import altcraft_async
from benchmarks.comparison import Row, rounded
from benchmarks.processes import Measurements

ROUNDS = 40

REQUIREMENTS = "import aiohttp, msgspec, tenacity, xmltodict"
OURS = "from altcraft_async import AltcraftClient"

SHELL_REQUIREMENTS = "import click, rich.console, rich.live, rich.progress, rich.table"
HELP = """
import contextlib, io
from altcraft_async.cli.app import main
with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
    main(["--help"])
"""

TITLES = {
    "requirements": "aiohttp, msgspec, tenacity and xmltodict",
    "installed": "altcraft_async, as installed",
    "source": "altcraft_async without bytecode, requirements with it",
    "shell requirements": "click and rich",
    "help": "`altcraft --help`, as installed",
}

_CODE = "import time; began = time.process_time()\n{}\nprint(time.process_time() - began)"


def main(rounds: int = ROUNDS) -> dict[str, list[Row]]:
    """Measure in turns; the minimum is the run with the least disturbance."""
    with tempfile.TemporaryDirectory() as folder:
        installed, source = _copy(Path(folder, "installed")), _copy(Path(folder, "source"))
        compileall.compile_dir(installed, quiet=1)
        contenders = {
            "requirements": (REQUIREMENTS, source),
            "installed": (OURS, installed),
            "source": (OURS, source),
            "shell requirements": (SHELL_REQUIREMENTS, source),
            "help": (HELP, installed),
        }
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, (statement, path) in contenders.items():
                seconds[name].append(_seconds(statement, path))
    shell = {name: seconds.pop(name) for name in ("shell requirements", "help")}
    return {
        "Import time": _rows(seconds, "requirements"),
        "Start of the command line": _rows(shell, "shell requirements"),
    }


def quick() -> dict[str, list[Row]]:
    """Measure twice, the fewest that have quartiles."""
    return main(rounds=2)


def _copy(folder: Path) -> Path:
    package = Path(altcraft_async.__file__).parent
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _seconds(statement: str, folder: Path) -> float:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", _CODE.format(statement)]
    done = subprocess.run(  # noqa: S603 -- our own code
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder
    )
    return float(done.stdout)


def _rows(seconds: Mapping[str, Sequence[float]], base_name: str) -> list[Row]:
    summaries = {name: _summary(one) for name, one in seconds.items()}
    base = summaries[base_name]
    return [
        {
            "what runs": TITLES[name],
            **{f"{title}, CPU ms": rounded(value) for title, value in summary.items()},
            "minimum, this / requirements": round(summary["minimum"] / base["minimum"], 3),
            "median, this / requirements": round(summary["median"] / base["median"], 3),
        }
        for name, summary in summaries.items()
    ]


def _summary(seconds: Sequence[float]) -> Measurements:
    low, middle, high = statistics.quantiles(seconds, n=4)
    summary = {"minimum": min(seconds), "median": middle, "interquartile range": high - low}
    return {title: 1e3 * value for title, value in summary.items()}
