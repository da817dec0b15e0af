"""What every ledger has to do, asked of each store in `tests.support.ledgers.STORES`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from altcraft_async import LedgerEntry, LedgerError, TaskLedger
from altcraft_async.starts.ledger import entry_key
from tests.support.ledgers import KEY, NIGHT, REF, STORES, entry_of


class Reopen(Protocol):
    """Opens the store of a test once more, as another process would."""

    def __call__(self) -> AbstractAsyncContextManager[TaskLedger]:
        """Return the context in which it is open."""
        ...


@pytest.fixture(params=STORES)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Reopen:
    """Opens one and the same store, as often as wanted."""
    return partial(STORES[request.param], tmp_path)


@pytest.fixture
async def ledger(reopen: Reopen) -> AsyncGenerator[TaskLedger, None]:
    """An empty store."""
    async with reopen() as opened:
        yield opened


async def open_keys(ledger: TaskLedger) -> list[str]:
    """Return the keys of the entries that are not over, sorted."""
    return sorted([entry.key async for entry in ledger.entries()])


async def test_empty_store_has_no_entry(ledger: TaskLedger) -> None:
    assert await ledger.read(KEY) is None
    assert await open_keys(ledger) == []


FULL = entry_of(
    idempotency_key="nightly «2026-11-25» 🌙'; --",
    owner="o2",
    intended_at=NIGHT.astimezone(timezone(timedelta(hours=3))),
    lease_until=NIGHT + timedelta(microseconds=1),
    before="2026-11-24T02:00:00.5Z counted at 2026-11-24T02:00:00Z in 850µs",
    ref=REF,
    over=True,
)


@pytest.mark.parametrize("entry", [entry_of(), FULL], ids=["intent", "full"])
async def test_entry_is_read_back_equal(ledger: TaskLedger, entry: LedgerEntry) -> None:
    assert await ledger.write(entry, expected=0)
    assert await ledger.read(KEY) == entry


async def test_write_that_expects_no_entry_does_not_replace_one(ledger: TaskLedger) -> None:
    await ledger.write(entry_of(), expected=0)
    assert not await ledger.write(entry_of(owner="o2"), expected=0)
    assert await ledger.read(KEY) == entry_of()


async def test_write_that_expects_an_entry_does_not_insert_one(ledger: TaskLedger) -> None:
    assert not await ledger.write(entry_of(revision=2), expected=1)
    assert await ledger.read(KEY) is None


@pytest.mark.parametrize("expected", [0, 1, 3])
async def test_only_the_expected_revision_is_replaced(ledger: TaskLedger, expected: int) -> None:
    second = entry_of(revision=2, ref=REF)
    await ledger.write(entry_of(), expected=0)
    assert await ledger.write(second, expected=1)
    assert not await ledger.write(entry_of(revision=expected + 1), expected=expected)
    assert await ledger.read(KEY) == second


async def test_one_of_many_writes_at_once_succeeds(reopen: Reopen) -> None:
    """Within one connection to the store and between two."""
    async with reopen() as one, reopen() as two:
        rivals = [entry_of(owner=f"o{number}") for number in range(20)]
        won = await asyncio.gather(
            *(
                (one if number % 2 else two).write(rival, expected=0)
                for number, rival in enumerate(rivals)
            )
        )
        assert sum(won) == 1
        assert await one.read(KEY) == await two.read(KEY) == rivals[won.index(True)]


async def test_entries_are_those_that_are_not_over(ledger: TaskLedger) -> None:
    keys = [entry_key("https://example.com", "resource", (number, 1)) for number in range(1, 5)]
    await ledger.write(entry_of(keys[0]), expected=0)
    await ledger.write(entry_of(keys[1], ref=REF), expected=0)
    await ledger.write(entry_of(keys[2], ref=REF, over=True), expected=0)
    await ledger.write(entry_of(keys[3], over=True), expected=0)
    assert await open_keys(ledger) == keys[:2]


async def test_target_that_is_started_again_is_listed_again(ledger: TaskLedger) -> None:
    await ledger.write(entry_of(ref=REF, over=True), expected=0)
    await ledger.write(entry_of(revision=2), expected=1)
    assert [entry async for entry in ledger.entries()] == [entry_of(revision=2)]


@pytest.mark.slow
async def test_each_of_very_many_entries_comes_once(ledger: TaskLedger) -> None:
    """However a store cuts its pages."""
    keys = [entry_key("https://example.com", "segment", (number, 1)) for number in range(1, 1_202)]
    for key in keys:
        await ledger.write(entry_of(key), expected=0)
    assert await open_keys(ledger) == sorted(keys)


@pytest.mark.slow
async def test_each_entry_comes_once_while_the_caller_forgets_them(ledger: TaskLedger) -> None:
    keys = [entry_key("https://example.com", "database", (number, 1)) for number in range(1, 700)]
    for key in keys:
        await ledger.write(entry_of(key), expected=0)
    seen: list[str] = []
    async for entry in ledger.entries():
        seen.append(entry.key)
        await ledger.forget(entry)
    assert sorted(seen) == sorted(keys)
    assert await open_keys(ledger) == []


async def test_forget_withdraws_the_start(ledger: TaskLedger) -> None:
    await ledger.write(entry_of(ref=REF), expected=0)
    assert await ledger.forget(entry_of(ref=REF))
    assert await ledger.read(KEY) == entry_of(revision=2, over=True)
    assert await ledger.write(entry_of(revision=3), expected=2)


async def test_forget_of_a_changed_entry_does_nothing(ledger: TaskLedger) -> None:
    await ledger.write(entry_of(), expected=0)
    await ledger.write(entry_of(revision=2, ref=REF), expected=1)
    assert not await ledger.forget(entry_of())
    assert await ledger.read(KEY) == entry_of(revision=2, ref=REF)


async def test_entry_survives_closing(reopen: Reopen) -> None:
    async with reopen() as first:
        await first.write(entry_of(), expected=0)
    async with reopen() as second:
        assert await second.read(KEY) == entry_of()
        assert await open_keys(second) == [KEY]


async def test_closed_store_raises_ledger_error(reopen: Reopen) -> None:
    """Closing twice is no error."""
    async with reopen() as ledger:
        await ledger.write(entry_of(), expected=0)
    await ledger.aclose()
    with pytest.raises(LedgerError):
        await ledger.read(KEY)
    with pytest.raises(LedgerError):
        await ledger.write(entry_of(revision=2), expected=1)
    with pytest.raises(LedgerError):
        await open_keys(ledger)


async def test_cancelled_write_leaves_a_store_that_works(ledger: TaskLedger) -> None:
    """It may have stored the entry or not."""
    writing = asyncio.ensure_future(ledger.write(entry_of(), expected=0))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    stored = await ledger.read(KEY)
    assert stored in (None, entry_of())
    revision = stored.revision if stored else 0
    assert await ledger.write(entry_of(revision=revision + 1, ref=REF), expected=revision)


async def test_time_of_a_store_is_aware(ledger: TaskLedger) -> None:
    assert ledger.now().tzinfo is not None
