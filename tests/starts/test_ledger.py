"""What every ledger inherits, and the keys of entries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from altcraft_async import TaskLedger
from altcraft_async.starts.ledger import entry_key
from tests.support.ledgers import KEY, REF, MemoryLedger, entry_of

pytestmark = pytest.mark.looptime


def test_key_of_an_entry_names_install_kind_and_ids() -> None:
    assert entry_key("https://example.com/api/v1.1", "segment", (5, 24, 1)) == (
        "https://example.com/api/v1.1 segment 5 24 1"
    )


def test_time_of_a_ledger_is_that_of_this_machine_by_default() -> None:
    assert abs(TaskLedger.now(MemoryLedger()) - datetime.now(UTC)) < timedelta(seconds=5)


async def test_ledger_is_closed_by_its_context() -> None:
    async with MemoryLedger() as ledger:
        assert not ledger.closed
    assert ledger.closed


async def test_forget_writes_a_withdrawn_entry_in_place_of_the_same_revision() -> None:
    ledger = MemoryLedger({KEY: entry_of(ref=REF)})
    assert await ledger.forget(entry_of(ref=REF))
    assert ledger.stored == {KEY: entry_of(revision=2, over=True)}
    assert not await ledger.forget(entry_of(ref=REF))
