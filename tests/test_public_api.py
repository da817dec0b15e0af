"""What the package exports, and what importing it loads."""

from __future__ import annotations

import subprocess
import sys

import altcraft_async


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
    "altcraft_async.simulator",
]


def test_importing_the_package_loads_nothing_optional() -> None:
    """Neither extras, nor optional parts of the standard library, nor the simulator."""
    code = (
        "import sys; before = set(sys.modules)\n"  # what measures coverage loads sqlite3
        "import altcraft_async; print(*set(sys.modules) - before, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603 -- our own words
    loaded = set(done.stdout.split())
    assert "altcraft_async.client" in loaded
    assert loaded.isdisjoint(OPTIONAL)


def test_package_prints_no_log_record_without_a_logging_setup() -> None:
    code = "import altcraft_async, logging; logging.getLogger('altcraft_async').warning('word')"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)  # noqa: S603 -- our own words
    assert not done.stderr
