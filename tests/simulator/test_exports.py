"""Exports of profiles: tasks of another kind, over real HTTP in both formats."""

from __future__ import annotations

import json

import pytest

from altcraft_async.simulator import Fault, Simulator
from tests.support.simulator_caller import Ask, AskIn

EXPORT = "profiles/get_all"
STATUS = "tasks/status"


async def test_an_export_ends_in_an_object_with_links(ask_in: AskIn) -> None:
    """Id, status and order are the vendor's for exports: longer, ``success``, alphabetical."""
    now = [0.0]
    async with Simulator(duration=2.0, clock=lambda: now[0]) as server:
        begun = await ask_in(server, "json", EXPORT, source_type="database", source_id=1)
        task_id = begun.value["data"]["task_id"]
        running = json.loads((await ask_in(server, "json", STATUS, task_id=task_id)).body)["data"]
        now[0] = 2.0
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


async def test_an_export_in_xml_has_an_empty_element_of_errors(ask_in: AskIn) -> None:
    """The links are repeated elements; one of them alone looks like a value."""
    async with Simulator(duration=0.0) as server:
        begun = await ask_in(server, "xml", EXPORT, source_type="segment", source_id=3)
        done = await ask_in(server, "xml", STATUS, task_id=begun.value["data"]["task_id"])
    assert b"<errors />" in done.body
    assert done.value["data"]["result"]["type"] == "segment"
    assert done.value["data"]["result"]["urls"].endswith("/1_segment_export.csv")


async def test_exports_are_the_same_for_the_same_seed_and_never_share_an_id(ask: Ask) -> None:
    """Each start makes a task of its own."""
    ids: list[list[str]] = []
    for _ in range(2):
        async with Simulator(seed=3) as server:
            begun = [
                await ask(server, EXPORT, source_type="database", source_id=1) for _ in range(3)
            ]
        ids.append([said.value["data"]["task_id"] for said in begun])
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
async def test_what_is_exported_is_checked(ask: Ask, values: dict[str, object], code: int) -> None:
    """The page documents these parameters and no feedback."""
    async with Simulator() as server:
        assert (await ask(server, EXPORT, **values)).error == code


async def test_an_export_can_be_told_to_fail(ask: Ask) -> None:
    """It runs into the same faults as a refresh."""
    async with Simulator(duration=0.0) as server:
        server.misbehave(EXPORT, Fault.failed_task("broken"))
        begun = await ask(server, EXPORT, source_type="database", source_id=1)
        done = await ask(server, STATUS, task_id=begun.value["data"]["task_id"])
    assert done.value["data"]["status"] == "broken"
    assert "result" not in done.value["data"]
