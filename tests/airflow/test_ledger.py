"""The ledger in the state of a task, in real runs of a DAG."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest
from airflow.sdk import DAG, task

from altcraft_async import AltcraftClient, Constant, LedgerEntry, LedgerError
from altcraft_async.integrations.airflow import TaskStateLedger
from altcraft_async.integrations.airflow.ledger import STATE_KEY
from altcraft_async.simulator import Simulator
from tests.airflow.dags import run

if TYPE_CHECKING:
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = LedgerEntry(
    key="https://example.com/api/v1.1 resource 24 1",
    kind="resource",
    target=(24, 1),
    revision=1,
    owner="me",
    intended_at=_NOW,
    lease_until=_NOW,
)
SECOND = msgspec.structs.replace(FIRST, revision=2)
OTHER = msgspec.structs.replace(FIRST, key="https://example.com/api/v1.1 resource 25 1")


async def _swap(ledger: TaskStateLedger) -> None:
    assert await ledger.read(FIRST.key) is None
    assert not await ledger.write(SECOND, expected=1)
    assert await ledger.write(FIRST, expected=0)
    assert not await ledger.write(FIRST, expected=0)
    assert await ledger.write(SECOND, expected=1)
    assert await ledger.write(OTHER, expected=0)
    assert await ledger.read(FIRST.key) == SECOND
    assert await ledger.forget(OTHER)
    assert [entry async for entry in ledger.entries()] == [SECOND]
    await ledger.aclose()
    with pytest.raises(LedgerError, match="closed"):
        await ledger.read(FIRST.key)


async def _read_foreign_value(ledger: TaskStateLedger) -> None:
    with pytest.raises(LedgerError, match=STATE_KEY):
        await ledger.read(FIRST.key)
    with pytest.raises(LedgerError, match=STATE_KEY):
        await ledger.write(FIRST, expected=0)


def test_ledger_compares_revisions_before_it_writes() -> None:
    with DAG("swap", schedule=None) as dag:

        @task
        def swap(task_state_store: TaskStateStoreAccessor | None = None) -> None:
            assert task_state_store is not None
            asyncio.run(_swap(TaskStateLedger(task_state_store)))

        swap()
    assert run(dag).state == "success"


async def _refresh(ledger: TaskStateLedger, server: Simulator, names: list[str]) -> list[str]:
    """Refresh under each name; return the ids of the tasks."""
    async with AltcraftClient(
        server.url, server.token, ledger=ledger, poll=Constant(0.05)
    ) as client:
        handles: list[str] = []
        for name in names:
            handle = await client.resources.refresh_counters(
                24, database_id=1, idempotency_key=name
            )
            await handle
            handles.append(handle.ref.task_id)
    return handles


def test_name_gets_its_own_task_after_other_names(server: Simulator) -> None:
    given: list[str] = []
    with DAG("names", schedule=None) as dag:

        @task
        def refresh(task_state_store: TaskStateStoreAccessor | None = None) -> None:
            assert task_state_store is not None
            given.extend(
                asyncio.run(_refresh(TaskStateLedger(task_state_store), server, ["a", "b", "a"]))
            )

        refresh()
    assert run(dag).state == "success"
    assert given[2] == given[0] != given[1]
    assert server.starts["resource", (24, 1)] == 2


def test_foreign_value_in_the_state_is_a_ledger_error() -> None:
    with DAG("foreign", schedule=None) as dag:

        @task
        def read(task_state_store: TaskStateStoreAccessor | None = None) -> None:
            assert task_state_store is not None
            task_state_store.set(STATE_KEY, [1, 2])
            asyncio.run(_read_foreign_value(TaskStateLedger(task_state_store)))

        read()
    assert run(dag).state == "success"


def test_state_outside_a_task_is_a_ledger_error() -> None:
    outside: list[TaskStateStoreAccessor] = []
    with DAG("outside", schedule=None) as dag:

        @task
        def lend(task_state_store: TaskStateStoreAccessor | None = None) -> None:
            assert task_state_store is not None
            outside.append(task_state_store)

        lend()
    run(dag)
    with pytest.raises(LedgerError, match="task state cannot be used"):
        asyncio.run(TaskStateLedger(outside[0]).read(FIRST.key))
