"""The operator, in real runs of a DAG."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from altcraft_async import ConfigurationError, SQLiteLedger, WaitTimeoutError
from altcraft_async.integrations.airflow import AltcraftRefreshOperator
from altcraft_async.simulator import Fault, Simulator
from tests.airflow.dags import rerun, run, tries, xcom

if TYPE_CHECKING:
    from airflow.sdk import Context

START = "resources/refresh_counters"
AT_ONCE = timedelta(0)


class Failures:
    """The errors of the tries of a task."""

    def __init__(self) -> None:
        """Begin without any."""
        self.errors: list[BaseException] = []

    def record(self, context: Context) -> None:
        """Record an error; a callback of Airflow."""
        error = context.get("exception")
        assert isinstance(error, BaseException)
        self.errors.append(error)


@pytest.mark.parametrize("deferrable", [True, False])
def test_task_returns_the_counters(server: Simulator, *, deferrable: bool) -> None:
    with DAG("refresh", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh", resource_id=24, database_id=1, deferrable=deferrable
        )
    returned = xcom(run(dag))
    assert (returned["kind"], returned["target"]) == ("resource", [24, 1])
    assert [group["database_id"] for group in returned["groups"]] == [1]
    assert set(returned["groups"][0]["channels"]) == {"email", "sms", "push"}
    assert server.starts["resource", (24, 1)] == 1


def test_token_is_in_no_file_of_airflow(server: Simulator) -> None:
    with DAG("canary", schedule=None) as dag:
        AltcraftRefreshOperator(task_id="refresh", resource_id=24, database_id=1)
    ref = xcom(run(dag))["task_id"]
    files = [path for path in Path(os.environ["AIRFLOW_HOME"]).rglob("*") if path.is_file()]
    everything = b"".join(path.read_bytes() for path in files)
    assert ref.encode() in everything
    assert server.token.encode() not in everything


@pytest.mark.parametrize(
    ("counted", "segment_id", "database_id", "target"),
    [
        ("database", None, 1, (1, 24)),
        ("segment", 3, 1, (3, 24, 1)),
        ("segment", 4, None, (4, 24)),
    ],
)
def test_databases_and_segments_are_refreshed(
    server: Simulator,
    counted: Literal["database", "segment"],
    segment_id: int | None,
    database_id: int | None,
    target: tuple[int, ...],
) -> None:
    with DAG("kinds", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh",
            counted=counted,
            resource_id=24,
            database_id=database_id,
            segment_id=segment_id,
        )
    run(dag)
    assert server.starts[counted, target] == 1


def test_ids_may_be_templates(server: Simulator) -> None:
    with DAG("templates", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh", resource_id="{{ dag_run.conf.resource }}", database_id="{{ 1 }}"
        )
    run(dag, resource=24)
    assert server.starts["resource", (24, 1)] == 1


def test_mapped_operator_refreshes_each_resource(server: Simulator) -> None:
    with DAG("mapped", schedule=None) as dag:
        AltcraftRefreshOperator.partial(task_id="refresh", database_id=1).expand(
            resource_id=[24, 25]
        )
    assert run(dag).state == "success"
    assert server.starts == {("resource", (24, 1)): 1, ("resource", (25, 1)): 1}


@pytest.mark.parametrize("delay", [0.0, 2.0])
def test_retry_waits_for_the_refresh_of_the_first_try(server: Simulator, delay: float) -> None:
    failures = Failures()
    with DAG("retry", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh",
            resource_id=24,
            database_id=1,
            timeout=0.5,
            retries=9,
            retry_delay=timedelta(seconds=delay),
            on_retry_callback=failures.record,
        )
    finished = run(dag)
    assert finished.state == "success"
    assert tries(finished) > 1
    assert {type(error) for error in failures.errors} == {WaitTimeoutError}
    assert server.starts["resource", (24, 1)] == 1


def test_cleared_task_starts_a_new_refresh(server: Simulator) -> None:
    with DAG("cleared", schedule=None) as dag:
        AltcraftRefreshOperator(task_id="refresh", resource_id=24, database_id=1)
    finished = run(dag)
    first = xcom(finished)["task_id"]
    rerun(dag, finished)
    assert xcom(finished)["task_id"] != first
    assert server.starts["resource", (24, 1)] == 2


def test_retry_after_a_failed_refresh_starts_another(server: Simulator) -> None:
    server.misbehave(START, Fault.failed_task())
    with DAG("again", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh", resource_id=24, database_id=1, retries=1, retry_delay=AT_ONCE
        )
    finished = run(dag)
    assert (finished.state, tries(finished)) == ("success", 2)
    assert server.starts["resource", (24, 1)] == 2


def test_lost_start_fails_the_task_without_further_retries(server: Simulator) -> None:
    server.misbehave(START, Fault.lost_start())
    failures = Failures()
    with DAG("lost", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh",
            resource_id=24,
            database_id=1,
            retries=9,
            retry_delay=AT_ONCE,
            on_failure_callback=failures.record,
        )
    finished = run(dag)
    assert (finished.state, tries(finished)) == ("failed", 2)
    (error,) = failures.errors
    assert isinstance(error, AirflowFailException)
    assert "StartUnknownError" in str(error)
    assert server.starts["resource", (24, 1)] == 1


@pytest.mark.parametrize("server", [8.0], indirect=True)
def test_reconcile_starts_finds_the_task_of_a_lost_start(server: Simulator) -> None:
    server.misbehave(START, Fault.lost_start())
    with DAG("found", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh",
            resource_id=24,
            database_id=1,
            reconcile_starts=True,
            retries=1,
            retry_delay=AT_ONCE,
        )
    finished = run(dag)
    assert (finished.state, tries(finished)) == ("success", 2)
    assert server.starts["resource", (24, 1)] == 1


@pytest.mark.usefixtures("server")
def test_custom_ledger_holds_the_start(tmp_path: Path) -> None:
    path = tmp_path / "starts.sqlite"
    with DAG("ledger", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh", resource_id=24, database_id=1, ledger=lambda: SQLiteLedger(path)
        )
    returned = xcom(run(dag))

    async def stored_ids() -> list[str]:
        async with SQLiteLedger(path) as ledger:
            return [entry.ref.task_id async for entry in ledger.entries() if entry.ref]

    assert asyncio.run(stored_ids()) == [returned["task_id"]]


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (Fault.refuse(401), "AuthenticationError"),
        (Fault.refuse(403), "PermissionDeniedError"),
        (Fault.refuse(404), "NotFoundError"),
    ],
)
def test_refusal_is_not_retried(server: Simulator, fault: Fault, name: str) -> None:
    server.misbehave(START, fault, times=9)
    failures = Failures()
    with DAG("refused", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh",
            resource_id=24,
            database_id=1,
            retries=9,
            retry_delay=AT_ONCE,
            on_failure_callback=failures.record,
        )
    finished = run(dag)
    assert (finished.state, tries(finished)) == ("failed", 1)
    assert str(failures.errors[0]).startswith(name)


def test_empty_id_from_a_template_is_named(server: Simulator) -> None:
    failures = Failures()
    with DAG("empty", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh",
            resource_id="{{ dag_run.conf.get('nothing', '') }}",
            database_id=1,
            on_failure_callback=failures.record,
        )
    run(dag)
    assert "resource_id: has to be a positive whole number" in str(failures.errors[0])
    assert not server.requests


def test_wrong_argument_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(ConfigurationError, match="counted"):
        AltcraftRefreshOperator(task_id="refresh", resource_id=24, counted="channel")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the wrong argument
    with pytest.raises(ConfigurationError, match="timeout"):
        AltcraftRefreshOperator(task_id="refresh", resource_id=24, timeout=-1)
