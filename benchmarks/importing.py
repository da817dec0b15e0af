"""What ``import altcraft_async`` costs, against importing what it requires and nothing else.

As ``pip install`` leaves it, which writes bytecode, and without bytecode, as
in a checkout that Python may not write to. CPU time within fresh interpreters
that take turns, their own start not counted.
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
from functools import partial
from pathlib import Path

import altcraft_async
from benchmarks.processes import Figures
from benchmarks.side_by_side import Row, round_off

ROUNDS = 40

REQUIREMENTS = "import aiohttp, msgspec, tenacity, xmltodict"
OURS = "import altcraft_async"

TITLES = {
    "requirements": "aiohttp, msgspec, tenacity and xmltodict",
    "installed": "altcraft_async, as installed",
    "source": "altcraft_async without bytecode, theirs with it",
}

_CODE = "import time; began = time.process_time(); {}; print(time.process_time() - began)"


def main() -> dict[str, list[Row]]:
    """Measure in turns, and compare the least of each, which nothing has disturbed."""
    with tempfile.TemporaryDirectory() as folder:
        installed, source = _copy(Path(folder, "installed")), _copy(Path(folder, "source"))
        compileall.compile_dir(installed, quiet=1)
        contenders = {
            "requirements": partial(_seconds, REQUIREMENTS, source),
            "installed": partial(_seconds, OURS, installed),
            "source": partial(_seconds, OURS, source),
        }
        taken: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(ROUNDS):
            for name, measure in contenders.items():
                taken[name].append(measure())
    return {"Importing": _rows(taken)}


def _copy(folder: Path) -> Path:
    package = Path(altcraft_async.__file__).parent
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _seconds(statement: str, folder: Path) -> float:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", _CODE.format(statement)]
    done = subprocess.run(  # noqa: S603 -- our own words
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder
    )
    return float(done.stdout)


def _rows(taken: Mapping[str, Sequence[float]]) -> list[Row]:
    found = {name: _figures(seconds) for name, seconds in taken.items()}
    base = found["requirements"]
    return [
        {
            "import": TITLES[name],
            **{f"{figure}, CPU ms": round_off(value) for figure, value in figures.items()},
            "least, this / theirs": round(figures["least"] / base["least"], 3),
            "median, this / theirs": round(figures["median"] / base["median"], 3),
        }
        for name, figures in found.items()
    ]


def _figures(seconds: Sequence[float]) -> Figures:
    low, middle, high = statistics.quantiles(seconds, n=4)
    figures = {"least": min(seconds), "median": middle, "quartiles apart": high - low}
    return {name: 1e3 * value for name, value in figures.items()}
