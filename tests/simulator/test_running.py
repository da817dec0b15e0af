"""`Simulator(shows_running=True)`: figures that tell of a count that runs."""

from __future__ import annotations

from typing import Any

import pytest

from altcraft_async import AltcraftClient, CountersReport
from altcraft_async.simulator import Fault, Simulator
from tests.support.simulator_caller import Ask, AskIn

READS = [
    ("resources/get_counters", {"id": 24, "list_id": 1}),
    ("databases/get_counters", {"id": 1, "resource_id": 24}),
    ("segments/get_counters", {"id": 7, "resource_id": 24, "db_id": 1}),
]


class Watch:
    """A clock that is moved by hand."""

    time = 0.0

    def __call__(self) -> float:
        """Return what it was set to."""
        return self.time


async def group(ask: Ask, server: Simulator, method: str, **values: object) -> dict[str, Any]:
    """Return the one group of an answer."""
    (only,) = (await ask(server, method, **values)).rows
    return only


@pytest.mark.parametrize(("method", "values"), READS)
async def test_figures_come_in_a_group_in_either_format(
    ask_in: AskIn, method: str, values: dict[str, object]
) -> None:
    """JSON written as XML is what comes in XML, and a group is around the channels."""
    async with Simulator(shows_running=True) as server:
        in_json = await ask_in(server, "json", method, **values)
        in_xml = await ask_in(server, "xml", method, **values)
    assert in_json.value == in_xml.value
    assert in_json.rows[0].keys() >= {"channels", "in_progress", "refresh_task_id", "updated"}


async def test_group_tells_of_the_count_that_runs(ask: Ask) -> None:
    """While one runs it has its id; then it says when that was completed."""
    clock = Watch()
    async with Simulator(shows_running=True, duration=10.0, clock=clock) as server:
        read = {"id": 24, "list_id": 1}
        idle = await group(ask, server, "resources/get_counters", **read)
        assert (idle["in_progress"], idle["refresh_task_id"] or "") == ("false", "")
        assert idle["updated"] == "2030-01-01T00:00:00.000Z"
        started = await ask(server, "databases/refresh_counters", id=1, resource_id=24)
        clock.time = 5.0
        running = await group(ask, server, "resources/get_counters", **read)
        assert running["in_progress"] == "true"
        assert running["refresh_task_id"] == started.value["data"]["task_id"]
        assert running["updated"] == idle["updated"]
        clock.time = 10.0
        ended = await group(ask, server, "resources/get_counters", **read)
        assert (ended["in_progress"], ended["refresh_task_id"] or "") == ("false", "")
        assert ended["updated"] == "2030-01-01T00:00:10.000Z"
        assert ended["last_count_time"] == "counted at 2030-01-01T00:00:00Z in 10s"


async def test_segments_and_failed_counts_do_not_show_elsewhere(ask: Ask) -> None:
    """The count of a segment is its own, and one that failed has counted nothing."""
    clock = Watch()
    async with Simulator(shows_running=True, duration=10.0, clock=clock) as server:
        await ask(server, "segments/refresh_counters", id=7, resource_id=24, db_id=1)
        server.misbehave("resources/refresh_counters", Fault.failed_task())
        await ask(server, "resources/refresh_counters", id=24, list_id=1)
        clock.time = 5.0
        other = await group(ask, server, "segments/get_counters", id=8, resource_id=24, db_id=1)
        assert other["in_progress"] == "false"
        own = await group(ask, server, "segments/get_counters", id=7, resource_id=24, db_id=1)
        assert own["in_progress"] == "true"
        clock.time = 20.0
        resource = await group(ask, server, "resources/get_counters", id=24, list_id=1)
        assert resource["updated"] == "2030-01-01T00:00:00.000Z"


async def test_both_forms_read_alike() -> None:
    """The client makes the same report of either, but for what only one of them tells."""
    async with Simulator(shows_running=True) as server, Simulator(seed=0) as plain:
        reports: list[CountersReport] = []
        for one in (server, plain):
            async with AltcraftClient(one.url, one.token) as client:
                reports.append(await client.databases.get_counters(1, resource_id=24))
        assert dict(reports[0].channels) == dict(reports[1].channels)
        assert reports[0].groups[0].updated is not None
        assert reports[1].groups[0].updated is None
