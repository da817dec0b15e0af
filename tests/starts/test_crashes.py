"""Processes are really killed, and the next one goes on with the same file."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from altcraft_async import TaskKind
from altcraft_async.simulator import Simulator
from tests.support.crashing_process import Point

pytestmark = pytest.mark.slow

UNKNOWN = "StartUnknownError"
TARGET: tuple[TaskKind, tuple[int, ...]] = ("resource", (24, 1))


async def crash(server: Simulator, folder: Path, point: Point, *words: str) -> tuple[int, str]:
    """Run a process that dies there; return its exit code and what it printed."""
    file = str(folder / "starts.sqlite")
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "tests.support.crashing_process",
            server.url,
            server.token,
            file,
            point,
            *words,
        ),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode().strip()


@pytest.mark.parametrize(
    ("point", "before", "after", "outcome"),
    [
        ("before intent", 0, 1, "task"),
        ("after intent", 0, 0, UNKNOWN),
        ("before id", 1, 1, UNKNOWN),
        ("after id", 1, 1, "task"),
        ("after end", 1, 1, "task"),
    ],
)
async def test_next_process_starts_once_or_raises_start_unknown_error(
    tmp_path: Path, point: Point, before: int, after: int, outcome: str
) -> None:
    """Wherever a process is killed, the same request is not started twice."""
    async with Simulator(duration=1.0) as server:
        code, _ = await crash(server, tmp_path, point)
        assert code == -signal.SIGKILL
        assert server.starts[TARGET] == before
        code, printed = await crash(server, tmp_path, "nowhere")
        assert code == 0
        assert (printed == UNKNOWN) == (outcome == UNKNOWN)
        assert server.starts[TARGET] == after


@pytest.mark.parametrize(("point", "starts"), [("after intent", 0), ("before id", 1)])
async def test_next_process_that_reconciles_starts_once(
    tmp_path: Path, point: Point, starts: int
) -> None:
    """It sends a start that did not happen, and joins one that runs."""
    async with Simulator(duration=12.0, shows_running=True) as server:
        await crash(server, tmp_path, point, "reconcile")
        assert server.starts[TARGET] == starts
        code, printed = await crash(server, tmp_path, "nowhere", "reconcile")
        assert code == 0
        assert server.world.poll(printed, 0.0) is not None
        assert server.starts[TARGET] == 1
