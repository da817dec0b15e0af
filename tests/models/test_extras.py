"""What an import says if its extra is not installed."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from altcraft_async.models.extras import MissingExtraError, extra

EXTRAS = ("redis", "taskiq", "starlette", "opentelemetry", "airflow")
"""Each installs what the integration of the same name needs."""

# A package that is `None` in this table of Python's cannot be imported.
IMPORT_WITHOUT = """
import importlib, sys
sys.modules |= dict.fromkeys([*sys.argv[1:], "pyrate_limiter", "taskiq_redis"])
for integration in sys.argv[1:]:
    try:
        importlib.import_module(f"altcraft_async.integrations.{integration}")
    except ModuleNotFoundError as error:
        print(error)
"""


def test_integration_without_its_packages_names_the_extra_to_install() -> None:
    command = [sys.executable, "-c", IMPORT_WITHOUT, *EXTRAS]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 -- our own words
    said = [line.split(" is missing: ")[1] for line in done.stdout.splitlines()]
    assert said == [f"pip install 'altcraft-async[{name}]'" for name in EXTRAS]


def test_missing_package_of_another_library_is_reported_as_it_is() -> None:
    refused = pytest.raises(ModuleNotFoundError, match="No module named 'not_there'")
    with refused as raised, extra("redis", "redis"):
        import_module("not_there")
    assert not isinstance(raised.value, MissingExtraError)


def test_faulty_package_of_the_extra_is_not_taken_for_a_missing_one() -> None:
    with pytest.raises(ImportError, match="no_such_name") as raised, extra("redis", "json"):
        from json import no_such_name  # type: ignore[attr-defined]  # noqa: F401, PLC0415
    assert not isinstance(raised.value, ModuleNotFoundError)
