"""The program in the guide on observability."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from typing import TYPE_CHECKING

from altcraft_async.simulator import Simulator
from tests.support.guides import GUIDES, example

if TYPE_CHECKING:
    from pathlib import Path


async def test_program_prints_each_field_that_the_guide_shows(tmp_path: Path) -> None:
    program = tmp_path / "traced.py"
    program.write_text(example("observability", "traced.py"))
    async with Simulator(duration=1.0) as server:
        running = await asyncio.create_subprocess_exec(
            sys.executable,
            str(program),
            env={**os.environ, "ALTCRAFT_URL": server.url, "ALTCRAFT_TOKEN": server.token},
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await asyncio.wait_for(running.communicate(), 60)
    text = printed.decode()
    span, text_of_job = text.split("\n}\n")[:2]
    job = json.loads(text_of_job + "}")
    assert json.loads(span + "}")["parent_id"] == job["context"]["span_id"]
    guide = (GUIDES / "observability.md").read_text()
    shown = guide.partition("```json")[2].partition("```")[0]
    fields = set(re.findall('"[^"]+":', shown))
    assert len(fields) > 10
    assert fields <= set(re.findall('"[^"]+":', span))
