"""A real Airflow with its own database, and a simulator; empty without Airflow."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from importlib.util import find_spec

import pytest

from altcraft_async.simulator import Simulator, ThreadedSimulator
from tests.airflow.connections import connection_json

collect_ignore_glob = ["test_*.py"]

if find_spec("airflow"):
    collect_ignore_glob = []
    # Airflow reads these at import, so before the test modules.
    _home = tempfile.TemporaryDirectory(prefix="airflow-", ignore_cleanup_errors=True)
    os.environ |= {
        "AIRFLOW_HOME": _home.name,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_home.name}/airflow.db",
    }


@pytest.fixture(scope="session", autouse=True)
def _database() -> None:
    migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
    done = subprocess.run(migrate, capture_output=True, text=True, check=False)  # noqa: S603 -- our own arguments
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Generator[Simulator, None, None]:
    """A platform whose tasks take 1.5 s or the parameter, and a connection to it."""
    duration = getattr(request, "param", 1.5)
    with ThreadedSimulator(duration=duration, shows_running=True) as simulator:
        connection = connection_json(simulator.url, simulator.token)
        monkeypatch.setenv("AIRFLOW_CONN_ALTCRAFT_DEFAULT", connection)
        yield simulator
