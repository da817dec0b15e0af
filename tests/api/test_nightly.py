"""The program of the guide "Survive a crash": run, killed, and run again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from altcraft_async.simulator import Simulator
from tests.support.guides import example


async def begin(server: Simulator, folder: Path, output: str) -> asyncio.subprocess.Process:
    """Run the program in a folder of its own."""
    (folder / "nightly.py").write_text(example("survive-a-crash", "nightly.py"))
    with (folder / output).open("w") as printed:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "nightly.py", "2026-11-25"),
            stdout=printed,
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "ALTCRAFT_URL": server.url,
                "ALTCRAFT_TOKEN": server.token,
            },
        )


@pytest.mark.slow
async def test_nightly_run_that_was_killed_goes_on_without_starting_twice(tmp_path: Path) -> None:
    async with Simulator(resources=100, duration=(0.2, 2.0)) as server:
        first = await begin(server, tmp_path, "first.txt")
        while sum(server.starts.values()) < 60:  # noqa: ASYNC110 -- of another process
            await asyncio.sleep(0.01)
        first.kill()
        assert await first.wait() == -signal.SIGKILL
        second = await begin(server, tmp_path, "second.txt")
        assert await second.wait() == 0
        outcomes = [line.split() for line in (tmp_path / "second.txt").read_text().splitlines()]
        for word, *target in outcomes:
            started = server.starts["resource", (int(target[0]), int(target[1]))]
            assert started == 1 if word == "completed" else (word, started <= 1) == ("unknown", 1)
        expected = sum(
            len(server.world.resource(number).database_ids) for number in server.world.resources
        )
        assert len(outcomes) == expected > 100
