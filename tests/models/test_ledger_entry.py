"""Ledger entries, and their form in a store."""

from __future__ import annotations

import pickle
from datetime import timedelta, timezone

import pytest

from altcraft_async import LedgerEntry, LedgerError
from tests.support.ledgers import NIGHT, REF, entry_of


@pytest.mark.parametrize(
    "entry",
    [
        entry_of(),
        entry_of(ref=REF, over=True, idempotency_key="nightly «é»", before="x"),
        entry_of(intended_at=NIGHT.astimezone(timezone(timedelta(hours=-7)))),
    ],
)
def test_entry_survives_json_and_pickling(entry: LedgerEntry) -> None:
    assert LedgerEntry.from_json(entry.to_json()) == entry
    assert LedgerEntry.from_json(entry.to_json().encode()) == entry
    assert pickle.loads(pickle.dumps(entry)) == entry  # noqa: S301 -- pickled right here


def test_json_of_an_entry_is_one_line_with_its_version() -> None:
    stored = entry_of(idempotency_key="two\nlines").to_json()
    assert stored.startswith('{"version":1,')
    assert "\n" not in stored


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "null",
        "[]",
        "{}",
        b"\xff",
        "[" * 100_000,
        entry_of().to_json().replace('"version":1', '"version":2'),
        entry_of().to_json().replace('"revision":1', '"revision":"one"'),
        entry_of().to_json().replace("02:00:00Z", "02:00:00"),
    ],
)
def test_text_that_is_no_entry_is_a_ledger_error(stored: str | bytes) -> None:
    with pytest.raises(LedgerError, match=r"^ledger: not an entry as version 1 writes it"):
        LedgerEntry.from_json(stored)
