"""What people import, and what importing it costs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

import altcraft_async


def test_every_public_name_is_there() -> None:
    """__all__ is sorted, complete and true."""
    names = altcraft_async.__all__
    assert sorted(names) == sorted(set(names))
    for name in names:
        assert getattr(altcraft_async, name).__doc__ or name == "TaskKind"


def test_every_error_is_public() -> None:
    """Whatever can be raised can be caught by a name of the package; an integration has its own."""
    found = set[type[Exception]]()
    waiting: list[type[Exception]] = [altcraft_async.AltcraftError]
    while waiting:
        error = waiting.pop()
        found.add(error)
        waiting.extend(error.__subclasses__())
    names = {error.__name__ for error in found if ".integrations." not in error.__module__}
    assert names <= set(altcraft_async.__all__)


@pytest.mark.parametrize(
    "module",
    ["rich", "click", "uvloop", "redis", "taskiq", "pyrate_limiter", "altcraft_async.simulator"],
)
def test_importing_the_package_loads_nothing_optional(module: str) -> None:
    """The package alone loads neither extras nor the simulator."""
    code = f"import sys, altcraft_async; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 -- our own words


def test_package_logs_nothing_unless_asked() -> None:
    """Without a logging setup, not a word reaches stderr."""
    code = "import altcraft_async, logging; logging.getLogger('altcraft_async').warning('word')"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)  # noqa: S603 -- our own words
    assert not done.stderr
