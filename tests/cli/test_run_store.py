"""The file of named runs: where it is, and what it keeps."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from altcraft_async.cli.run_store import Run, RunStore, default_path


def new(name: str, *, days_ago: float = 0) -> Run:
    """Return a run that was not stored yet."""
    return Run(
        number=0,
        install="https://example.com/api/v1.1",
        name=name,
        began=datetime.now(UTC) - timedelta(days=days_ago),
        command="resources refresh",
        options={"numbers": [24]},
        total=1,
        is_over=False,
    )


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="has its own directories")
def test_default_is_in_the_state_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert default_path() == tmp_path / "state" / "altcraft" / "runs.sqlite"
    for invalid in ("", "relative"):
        monkeypatch.setenv("XDG_STATE_HOME", invalid)
        assert default_path() == tmp_path / ".local" / "state" / "altcraft" / "runs.sqlite"


async def test_directory_that_is_made_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "state" / "runs.sqlite"
    async with RunStore(path) as store:
        assert await store.runs() == []
    assert path.parent.stat().st_mode & 0o077 == 0


async def test_run_that_is_not_over_is_returned_in_place_of_a_new_one(tmp_path: Path) -> None:
    async with RunStore(tmp_path / "runs.sqlite") as store:
        first = await store.begin(new("nightly"))
        assert await store.begin(new("nightly")) == first
        await store.end(first, total=1, is_over=True)
        assert (await store.begin(new("nightly"), first.number)).number == first.number
        assert (await store.begin(new("nightly"))).number == first.number + 1


async def test_run_that_the_ledger_may_have_forgotten_begins_anew(tmp_path: Path) -> None:
    """Or what it had refreshed would be refreshed again, as if it were left to do."""
    async with RunStore(tmp_path / "runs.sqlite") as store:
        old = await store.begin(new("old", days_ago=9))
        recent = await store.begin(new("recent", days_ago=6))
        await store.note(old, {"24 1": "done"})
        assert (await store.begin(new("old"))).number != old.number
        assert await store.begin(new("recent")) == recent
        assert await store.outcomes(old) == {}


async def test_what_is_done_stays_done(tmp_path: Path) -> None:
    async with RunStore(tmp_path / "runs.sqlite") as store:
        run = await store.begin(new("nightly"))
        await store.note(run, {"1 1": "done", "2 1": "left", "3 1": "left"})
        await store.note(run, {"1 1": "failed", "2 1": "done", "4 1": "failed"})
        assert await store.go_on(run, {}) == {"1 1", "2 1"}
        assert await store.outcomes(run) == {"1 1": "done", "2 1": "done", "4 1": "failed"}
