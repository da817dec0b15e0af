"""A simulator for the engines, and programs of the guide; empty without the engines."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType

import pytest

from altcraft_async.simulator import Simulator, ThreadedSimulator

ENGINES = ("saq", "dagster", "prefect", "temporalio")

collect_ignore_glob = [] if all(map(importlib.util.find_spec, ENGINES)) else ["test_*.py"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Generator[Simulator, None, None]:
    """A platform whose tasks take three seconds, and the environment variables for it."""
    with ThreadedSimulator(duration=3.0) as simulator:
        monkeypatch.setenv("ALTCRAFT_URL", simulator.url)
        monkeypatch.setenv("ALTCRAFT_TOKEN", simulator.token)
        yield simulator


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], ModuleType]:
    """Imports a program from a new folder, which becomes the current one."""
    monkeypatch.chdir(tmp_path)

    def module(name: str, source: str) -> ModuleType:
        path = tmp_path / name
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, path.stem, made)
        spec.loader.exec_module(made)
        return made

    return module
