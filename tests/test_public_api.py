"""What the package exports, and what importing it loads."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import altcraft_async
from tests.support.public_api import MODULES, recorded, section

AIRFLOW = "altcraft_async.integrations.airflow"
"""Not installed beside the rest; `tests/airflow/test_public_api.py` compares it."""


@pytest.mark.parametrize("module", sorted({*MODULES} - {AIRFLOW}))
def test_public_api_is_as_recorded(module: str) -> None:
    command = "python -m tests.support.public_api"
    message = f"the public API of {module} changed: see docs/stability.md, then run {command}"
    assert section(module) == recorded()[module], message


def test_stability_page_lists_every_public_module() -> None:
    page = (Path(__file__).parents[1] / "docs" / "stability.md").read_text()
    assert [module for module in MODULES if f"`{module}`" not in page] == []


def test_newest_version_of_the_changelog_is_that_of_the_package() -> None:
    """What comes above it, under another heading, is not released yet."""
    root = Path(__file__).parents[1]
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    released = re.findall(
        r"^## (\d\S+) - \d{4}-\d\d-\d\d$", (root / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert released[0] == version


def test_all_is_sorted_and_every_name_has_a_docstring() -> None:
    names = altcraft_async.__all__
    assert sorted(names) == sorted(set(names))
    for name in names:
        assert getattr(altcraft_async, name).__doc__ or name == "TaskKind"


def test_every_error_outside_the_integrations_is_public() -> None:
    found = set[type[Exception]]()
    waiting: list[type[Exception]] = [altcraft_async.AltcraftError]
    while waiting:
        error = waiting.pop()
        found.add(error)
        waiting.extend(error.__subclasses__())
    names = {error.__name__ for error in found if ".integrations." not in error.__module__}
    assert names <= set(altcraft_async.__all__)


OPTIONAL = [
    # of extras
    "airflow",
    "click",
    "fastapi",
    "keyring",
    "matplotlib",
    "opentelemetry",
    "polars",
    "pydantic",
    "pyrate_limiter",
    "pytest",
    "redis",
    "rich",
    "starlette",
    "taskiq",
    "uvicorn",
    "uvloop",
    # of the standard library, and not for everybody
    "http.server",
    "sqlite3",
    # our own
    "altcraft_async.cli",
    "altcraft_async.history",
    "altcraft_async.integrations",
    "altcraft_async.monitor",
    "altcraft_async.simulator",
]


@pytest.fixture(scope="module")
def imported() -> subprocess.CompletedProcess[str]:
    """A process that imports every name, prints what that loads, and logs a warning."""
    code = (
        "import sys; before = set(sys.modules)\n"  # what measures coverage loads sqlite3
        "from altcraft_async import *; print(*set(sys.modules) - before, sep='\\n')\n"
        "import logging; logging.getLogger('altcraft_async').warning('word')"
    )
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603 -- our own words


def test_importing_every_name_loads_nothing_optional(
    imported: subprocess.CompletedProcess[str],
) -> None:
    """Neither extras, nor optional parts of the standard library, nor the simulator."""
    loaded = set(imported.stdout.split())
    assert "altcraft_async.client" in loaded
    assert loaded.isdisjoint(OPTIONAL)


def test_package_loads_the_client_with_the_first_name() -> None:
    code = (
        "import sys, altcraft_async; before = {*sys.modules}\n"
        "altcraft_async.TaskRef\n"
        "print('aiohttp' in before, 'aiohttp' in sys.modules, altcraft_async.errors.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603 -- our own words
    assert done.stdout == "False True altcraft_async.errors\n"


def test_unknown_name_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'altcraft_async' has no attribute") as caught:
        getattr(altcraft_async, "AltcraftClien")  # noqa: B009 -- type checkers refuse it
    assert (caught.value.name, caught.value.obj) == ("AltcraftClien", altcraft_async)


def test_dir_lists_every_name() -> None:
    assert {*altcraft_async.__all__} <= {*dir(altcraft_async)}


def test_package_prints_no_log_record_without_a_logging_setup(
    imported: subprocess.CompletedProcess[str],
) -> None:
    assert not imported.stderr
