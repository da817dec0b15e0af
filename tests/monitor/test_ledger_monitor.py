"""What a monitor says of a ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from altcraft_async import (
    AltcraftClient,
    ConfigurationError,
    LedgerError,
    SQLiteLedger,
    TaskRef,
)
from altcraft_async.monitor import LedgerMonitor
from altcraft_async.simulator import Simulator
from tests.monitor.test_page import part
from tests.support.ledgers import entry_of


async def test_tasks_of_all_processes_are_shown_until_they_end(tmp_path: Path) -> None:
    path = tmp_path / "starts.sqlite"
    async with (
        Simulator(duration=0.1) as server,
        SQLiteLedger(path) as of_job,
        AltcraftClient(server.url, server.token, ledger=of_job) as client,
        SQLiteLedger(path) as ledger,
    ):
        monitor = LedgerMonitor(ledger, "starts")
        handle = await client.resources.refresh_counters(24, database_id=1)
        view = await monitor.view()
        assert [(one.what.target, one.status) for one in view.running] == [((24, 1), "runs")]
        assert handle.ref.started_at
        assert view.running[0].since == pytest.approx(handle.ref.started_at.timestamp(), abs=0.01)
        await handle
        while (view := await monitor.view()).running:  # the end is written in the background
            pass
    assert (view.summary.running, view.summary.totals) == (0, {"over": 1})
    assert [one.what.target for one in view.arrived] == [(24, 1)]


async def test_next_start_of_a_target_is_an_end_of_the_task_before() -> None:
    async with SQLiteLedger(":memory:") as ledger:
        monitor = LedgerMonitor(ledger, "starts")
        await ledger.write(entry_of(ref=TaskRef(task_id="t1")), expected=0)
        await monitor.view()
        newer = entry_of(revision=2, owner="o2", ref=TaskRef(task_id="t2"))
        await ledger.write(newer, expected=1)
        view = await monitor.view()
    assert (view.summary.running, view.summary.totals) == (1, {"over": 1})


async def test_start_is_under_way_until_its_lease_is_over_and_then_unknown() -> None:
    now = datetime.now(UTC)
    intent = entry_of("under way", intended_at=now, lease_until=now + timedelta(seconds=60))
    lost = entry_of("unknown", intended_at=now, lease_until=now - timedelta(seconds=1))
    async with SQLiteLedger(":memory:") as ledger:
        for entry in (intent, lost):
            await ledger.write(entry, expected=0)
        view = await LedgerMonitor(ledger, "starts").view()
    assert [one.status for one in view.running] == ["start under way"]
    assert [one.reason for one in view.failed] == ["start unknown"]
    assert view.summary.reasons == {"start unknown": 1}


async def test_page_says_why_a_ledger_cannot_be_read_and_keeps_what_it_showed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "starts.sqlite"
    async with SQLiteLedger(path) as ledger, aiohttp.ClientSession() as browser:
        await ledger.write(entry_of(ref=TaskRef(task_id="t1")), expected=0)
        monitor = LedgerMonitor(ledger, "starts", interval=0.01)
        async with (
            monitor.serve(port=0) as url,
            browser.get(f"{url}events") as response,
        ):
            assert len(await part(response, "running")) == 1
            path.unlink()
            while not (summary := await part(response, "summary")).get("problem"):
                pass
    assert "was deleted, replaced or emptied" in summary["problem"]


async def test_damaged_ledger_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "starts.sqlite"
    path.write_bytes(b"no database" * 1000)
    async with SQLiteLedger(path) as ledger:
        with pytest.raises(LedgerError, match="not a database"):
            await LedgerMonitor(ledger, "starts").view()


def test_something_else_than_a_ledger_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^ledger: "):
        LedgerMonitor(cast("Any", "starts.sqlite"), "starts")
