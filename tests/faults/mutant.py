"""Runs tests against a changed copy of the package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_NOTICED = re.compile(
    r"^\S+:\d+: (assert |AssertionError|Failed: |TimeoutError|altcraft_async\.errors\.)",
    re.MULTILINE,
)
"""pytest's line about a failed check, as opposed to a package that cannot be imported."""


def run_against(package: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run tests against the package in this folder."""
    # Without HYPOTHESIS_EXAMPLES, a mutant meets the properties that the quick tests try.
    unwanted = ("COV", "PYTEST", "HYPOTHESIS")
    environment = {name: one for name, one in os.environ.items() if not name.startswith(unwanted)}
    environment |= {
        "PYTHONPATH": str(package),
        "PYTHONDONTWRITEBYTECODE": "1",
        # Failing examples of a mutant must not be replayed against the package.
        "HYPOTHESIS_STORAGE_DIRECTORY": str(package / "hypothesis"),
    }
    # -P keeps the package of this checkout off the import path.
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-x", "--tb=line", "-m", ""]
    return subprocess.run(  # noqa: S603 -- our own tests
        [*command, "-n", "0", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def is_noticed(ran: subprocess.CompletedProcess[str]) -> bool:
    """Return whether a test failed on one of its checks."""
    return ran.returncode == pytest.ExitCode.TESTS_FAILED and bool(_NOTICED.search(ran.stdout))
