"""Exports of profiles over HTTP, in both formats."""

from __future__ import annotations

import json

import pytest

from altcraft_async.simulator import Fault, Simulator
from tests.support.simulator_caller import STATUS, Ask, AskIn, SettableClock

EXPORT = "profiles/get_all"


async def test_export_ends_with_the_documented_id_status_and_files(ask_in: AskIn) -> None:
    clock = SettableClock()
    async with Simulator(duration=2.0, clock=clock) as server:
        begun = await ask_in(server, "json", EXPORT, source_type="database", source_id=1)
        task_id = begun.value["data"]["task_id"]
        running = json.loads((await ask_in(server, "json", STATUS, task_id=task_id)).body)["data"]
        clock.now = 2.0
        done = json.loads((await ask_in(server, "json", STATUS, task_id=task_id)).body)["data"]
        size = server.world.database_size(1)
    assert task_id.startswith("task_")
    assert running == {"status": "running", "progress": 0}
    assert (done["status"], done["progress"]) == ("success", 100)
    assert list(done) == ["progress", "result", "status"]
    assert list(done["result"]) == ["errors", "source_id", "total", "type", "urls"]
    urls = done["result"].pop("urls")
    assert done["result"] == {"errors": [], "source_id": 1, "total": size, "type": "database"}
    assert len(urls) == -(-size // 50_000) == len(set(urls)) > 1
    assert urls[0].startswith("/api/download/data/")
    assert urls[0].endswith("/1_database_export.csv")


async def test_export_in_xml_has_an_empty_errors_element(ask_in: AskIn) -> None:
    async with Simulator(duration=0.0) as server:
        begun = await ask_in(server, "xml", EXPORT, source_type="segment", source_id=3)
        done = await ask_in(server, "xml", STATUS, task_id=begun.value["data"]["task_id"])
    assert b"<errors />" in done.body
    assert done.value["data"]["result"]["type"] == "segment"
    assert done.value["data"]["result"]["urls"].endswith("/1_segment_export.csv")


async def test_export_ids_depend_on_the_seed_and_are_unique(ask: Ask) -> None:
    ids: list[list[str]] = []
    for _ in range(2):
        async with Simulator(seed=3) as server:
            begun = [
                await ask(server, EXPORT, source_type="database", source_id=1) for _ in range(3)
            ]
        ids.append([reply.value["data"]["task_id"] for reply in begun])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"source_type": "segment", "source_id": 3, "file_format": "json"}, 0),
        ({"source_type": "segment", "source_id": 3, "custom_request": {"city": "Riga"}}, 0),
        ({"source_id": 3}, 400),
        ({"source_type": "segment"}, 400),
        ({"source_type": "resource", "source_id": 3}, 400),
        ({"source_type": "segment", "source_id": "x"}, 400),
        ({"source_type": "segment", "source_id": 3, "file_format": "pdf"}, 400),
        ({"source_type": "segment", "source_id": 3, "custom_request": "Riga"}, 400),
        ({"source_type": "segment", "source_id": 3, "feedback": {}}, 400),
        ({"source_type": "segment", "source_id": 99999}, 404),
        ({"source_type": "database", "source_id": 99999}, 404),
    ],
)
async def test_wrong_parameters_of_an_export_are_refused(
    ask: Ask, values: dict[str, object], code: int
) -> None:
    async with Simulator(strict=True) as server:
        assert (await ask(server, EXPORT, **values)).error == code


async def test_failed_task_fault_fails_an_export(ask: Ask) -> None:
    async with Simulator(duration=0.0) as server:
        server.misbehave(EXPORT, Fault.failed_task("broken"))
        begun = await ask(server, EXPORT, source_type="database", source_id=1)
        done = await ask(server, STATUS, task_id=begun.value["data"]["task_id"])
    assert done.value["data"]["status"] == "broken"
    assert "result" not in done.value["data"]
