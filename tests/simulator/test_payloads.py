"""The shapes of refresh responses over HTTP, compared with the vendor's samples."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.support.simulator_caller import (
    COUNTERS,
    SENDABLE,
    START,
    STATUS,
    Caller,
    SettableClock,
)

GROUP = {"channels", "in_progress", "last_count_time", "list_id", "refresh_task_id", "updated"}


async def test_refresh_in_json_runs_and_completes_in_the_documented_shapes(
    caller: Caller, clock: SettableClock
) -> None:
    begun = await caller.ask(START, id=24, list_id=1)
    assert (begun.status, begun.content_type) == (200, "application/json")
    assert set(begun.json) == {"data", "error", "error_text"}
    assert (begun.json["error"], begun.json["error_text"]) == (0, "Successful operation")
    task_id = begun.json["data"]["task_id"]

    clock.now = 1.0
    running = await caller.ask(STATUS, task_id=task_id)
    assert running.json["data"] == {"status": "running", "progress": 50}

    clock.now = 2.0
    done = (await caller.ask(STATUS, task_id=task_id)).json["data"]
    assert (done["status"], done["progress"]) == ("completed", 100)
    (group,) = done["result"]
    assert set(group) == GROUP
    assert (group["list_id"], group["in_progress"], group["refresh_task_id"]) == (1, False, "")
    assert group["updated"] == "2030-01-01T00:00:02.000Z"
    assert group["last_count_time"] == "counted at 2030-01-01T00:00:00Z in 2s"
    assert [channel["channel"] for channel in group["channels"]] == ["email", "sms", "push"]
    for channel in group["channels"]:
        assert set(channel["status"]) == COUNTERS
        assert all(type(counter) is int for counter in channel["status"].values())


async def test_refresh_in_xml_writes_arrays_as_repeated_elements(
    caller: Caller, clock: SettableClock
) -> None:
    token = f"<token>{caller.server.token}</token>"
    body = f"<xml>{token}<id>24</id><list_id>1</list_id></xml>"
    begun = await caller.post(START, body.encode(), "application/xml")
    assert begun.content_type == "application/xml"
    root = ET.fromstring(begun.body)  # noqa: S314 -- our own server wrote it
    assert [root.tag, *(child.tag for child in root)] == ["xml", "data", "error", "error_text"]

    clock.now = 2.0
    task_id = root.findtext("data/task_id")
    body = f"<xml>{token}<task_id>{task_id}</task_id></xml>"
    done = await caller.post(STATUS, body.encode(), "application/xml")
    root = ET.fromstring(done.body)  # noqa: S314 -- our own server wrote it
    (group,) = root.findall("data/result")
    assert {child.tag for child in group} == GROUP
    assert group.findtext("refresh_task_id") == ""
    assert group.findtext("in_progress") == "false"
    channels = group.findall("channels")
    assert [channel.findtext("channel") for channel in channels] == ["email", "sms", "push"]
    for channel in channels:
        assert {counter.tag for counter in channel.iterfind("status/*")} == COUNTERS


async def test_refresh_of_a_segment_names_the_resource_and_has_two_counters(
    caller: Caller, clock: SettableClock
) -> None:
    begun = await caller.ask("segments/refresh_counters", id=7, resource_id=24, db_id=1)
    clock.now = 2.0
    done = await caller.ask(STATUS, task_id=begun.json["data"]["task_id"])
    (group,) = done.json["data"]["result"]
    assert set(group) == GROUP - {"last_count_time"} | {"resource_id"}
    assert set(group["channels"][0]["status"]) == SENDABLE
