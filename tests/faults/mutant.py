"""Runs tests against a changed copy of the package.

Two thirds of such a run are Python and pytest that start. A process does that once, and each run is
forked from it.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
OPTIONS = ("-q", "-x", "--tb=line", "-m", "", "-n", "0", "-p", "no:cacheprovider")
OUR_MODULES = ("altcraft_async", "tests", "conftest", "pytest_altcraft")

_TIMEOUT = 400  # seconds

_NOTICED = re.compile(
    r"^\S+:\d+: (assert |AssertionError|Failed: |TimeoutError|altcraft_async\.errors\.)",
    re.MULTILINE,
)
"""pytest's line about a failed check, as opposed to a package that cannot be imported."""

_FORKSERVER = multiprocessing.get_context("forkserver")
_FORKSERVER.set_forkserver_preload(["tests.faults.started_pytest"])


class Run(NamedTuple):
    """How a run of tests ended, and what it printed."""

    returncode: int | None
    output: str


def run_against(package: Path, *tests: str) -> Run:
    """Run tests against the package in this folder."""
    printed = package / "printed"
    printed.write_text("")
    process = _FORKSERVER.Process(target=_run, args=(package, tests, printed))
    process.start()
    process.join(_TIMEOUT)
    if process.is_alive():
        process.kill()
        process.join()
        return Run(process.exitcode, f"{printed.read_text()}\nkilled after {_TIMEOUT} s")
    return Run(process.exitcode, printed.read_text())


def _run(package: Path, tests: tuple[str, ...], printed: Path) -> None:
    """Become a pytest that finds nothing of this checkout's package, and end."""
    os.dup2(os.open(printed, os.O_WRONLY), 1)
    os.dup2(1, 2)
    os.chdir(ROOT)
    for name in [name for name in sys.modules if name.partition(".")[0] in OUR_MODULES]:
        del sys.modules[name]
    sys.path.insert(0, str(package))
    # Without HYPOTHESIS_EXAMPLES, a mutant meets the properties that the quick tests try.
    for name in list(os.environ):
        if name.startswith(("COV", "PYTEST", "HYPOTHESIS")):
            del os.environ[name]
    os.environ |= {
        "PYTHONPATH": str(package),
        "PYTHONDONTWRITEBYTECODE": "1",
        # Failing examples of a mutant must not be replayed against the package.
        "HYPOTHESIS_STORAGE_DIRECTORY": str(package / "hypothesis"),
    }
    sys.dont_write_bytecode = True
    sys.exit(pytest.main([*OPTIONS, *tests]))


def is_noticed(run: Run) -> bool:
    """Return whether a test failed on one of its checks."""
    return run.returncode == pytest.ExitCode.TESTS_FAILED and bool(_NOTICED.search(run.output))
