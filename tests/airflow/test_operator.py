"""The operator in DAGs that are really run."""

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
from tests.airflow.dags import figures, rerun, run, tries

if TYPE_CHECKING:
    from airflow.sdk import Context

START = "resources/refresh_counters"
AT_ONCE = timedelta(0)


class Failures:
    """What the tries of a task failed with."""

    def __init__(self) -> None:
        """Begin with none."""
        self.errors: list[BaseException] = []

    def note(self, context: Context) -> None:
        """Note one; a callback of Airflow's."""
        error = context.get("exception")
        assert isinstance(error, BaseException)
        self.errors.append(error)


@pytest.mark.parametrize("deferrable", [True, False])
def test_task_hands_on_the_figures(server: Simulator, *, deferrable: bool) -> None:
    """By XCom comes plain data, whoever has waited for it; one refresh was started."""
    with DAG("figures", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh", resource_id=24, database_id=1, deferrable=deferrable
        )
    handed_on = figures(run(dag))
    assert (handed_on["kind"], handed_on["target"]) == ("resource", [24, 1])
    assert [group["database_id"] for group in handed_on["groups"]] == [1]
    assert set(handed_on["groups"][0]["channels"]) == {"email", "sms", "push"}
    assert server.starts["resource", (24, 1)] == 1


def test_token_is_nowhere_in_airflows_files(server: Simulator) -> None:
    """Neither database nor logs have it: the trigger is made of the connection's name."""
    with DAG("canary", schedule=None) as dag:
        AltcraftRefreshOperator(task_id="refresh", resource_id=24, database_id=1)
    ref = figures(run(dag))["task_id"]
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
def test_databases_and_segments_are_counted_too(
    server: Simulator,
    counted: Literal["database", "segment"],
    segment_id: int | None,
    database_id: int | None,
    target: tuple[int, ...],
) -> None:
    """The same ids, as each of the platform's three methods wants them."""
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


def test_ids_can_be_templates(server: Simulator) -> None:
    """What a template gives is a text, and is read as a number."""
    with DAG("templates", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh", resource_id="{{ dag_run.conf.resource }}", database_id="{{ 1 }}"
        )
    run(dag, resource=24)
    assert server.starts["resource", (24, 1)] == 1


def test_one_operator_is_mapped_over_many_resources(server: Simulator) -> None:
    """Each of the mapped tasks refreshes its own."""
    with DAG("mapped", schedule=None) as dag:
        AltcraftRefreshOperator.partial(task_id="refresh", database_id=1).expand(
            resource_id=[24, 25]
        )
    assert run(dag).state == "success"
    assert server.starts == {("resource", (24, 1)): 1, ("resource", (25, 1)): 1}


@pytest.mark.parametrize("pause", [0.0, 2.0])
def test_retry_goes_on_with_what_was_started(server: Simulator, pause: float) -> None:
    """Whether that still runs or is over by then: it is counted once."""
    failures = Failures()
    with DAG("going_on", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh",
            resource_id=24,
            database_id=1,
            timeout=0.5,
            retries=9,
            retry_delay=timedelta(seconds=pause),
            on_retry_callback=failures.note,
        )
    finished = run(dag)
    assert finished.state == "success"
    assert tries(finished) > 1
    assert {type(error) for error in failures.errors} == {WaitTimeoutError}
    assert server.starts["resource", (24, 1)] == 1


def test_cleared_task_refreshes_anew(server: Simulator) -> None:
    """Who clears a task wants figures of now, not those of before."""
    with DAG("cleared", schedule=None) as dag:
        AltcraftRefreshOperator(task_id="refresh", resource_id=24, database_id=1)
    finished = run(dag)
    first = figures(finished)["task_id"]
    rerun(dag, finished)
    assert figures(finished)["task_id"] != first
    assert server.starts["resource", (24, 1)] == 2


def test_retry_starts_anew_when_the_platform_has_failed(server: Simulator) -> None:
    """A task that is over without figures is not joined."""
    server.misbehave(START, Fault.failed_task())
    with DAG("again", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh", resource_id=24, database_id=1, retries=1, retry_delay=AT_ONCE
        )
    finished = run(dag)
    assert (finished.state, tries(finished)) == ("success", 2)
    assert server.starts["resource", (24, 1)] == 2


def test_lost_start_fails_for_good_and_says_what_to_do(server: Simulator) -> None:
    """Whether it has started is known to nobody: no retry sends it again."""
    server.misbehave(START, Fault.lost_start())
    failures = Failures()
    with DAG("lost", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh",
            resource_id=24,
            database_id=1,
            retries=9,
            retry_delay=AT_ONCE,
            on_failure_callback=failures.note,
        )
    finished = run(dag)
    assert (finished.state, tries(finished)) == ("failed", 2)
    (error,) = failures.errors
    assert isinstance(error, AirflowFailException)
    assert "StartUnknownError" in str(error)
    assert server.starts["resource", (24, 1)] == 1


@pytest.mark.parametrize("server", [8.0], indirect=True)
def test_lost_start_that_still_runs_is_found_again(server: Simulator) -> None:
    """With `reconcile_starts`, the platform is asked what became of it."""
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
def test_ledger_of_the_users_own_knows_the_start(tmp_path: Path) -> None:
    """It is made for each try, in the worker."""
    path = tmp_path / "starts.sqlite"
    with DAG("ledger", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh", resource_id=24, database_id=1, ledger=lambda: SQLiteLedger(path)
        )
    handed_on = figures(run(dag))

    async def known() -> list[str]:
        async with SQLiteLedger(path) as ledger:
            return [entry.ref.task_id async for entry in ledger.entries() if entry.ref]

    assert asyncio.run(known()) == [handed_on["task_id"]]


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (Fault.refuse(401), "AuthenticationError"),
        (Fault.refuse(403), "PermissionDeniedError"),
        (Fault.refuse(404), "NotFoundError"),
    ],
)
def test_refusal_is_not_tried_again(server: Simulator, fault: Fault, name: str) -> None:
    """What the platform would only refuse again ends the task in its first try."""
    server.misbehave(START, fault, times=9)
    failures = Failures()
    with DAG("refused", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh",
            resource_id=24,
            database_id=1,
            retries=9,
            retry_delay=AT_ONCE,
            on_failure_callback=failures.note,
        )
    finished = run(dag)
    assert (finished.state, tries(finished)) == ("failed", 1)
    assert str(failures.errors[0]).startswith(name)


def test_id_that_is_none_is_named(server: Simulator) -> None:
    """A template that came out empty is no id, and nothing is sent."""
    failures = Failures()
    with DAG("empty", schedule=None) as dag:
        AltcraftRefreshOperator(
            task_id="refresh",
            resource_id="{{ dag_run.conf.get('nothing', '') }}",
            database_id=1,
            on_failure_callback=failures.note,
        )
    run(dag)
    assert "resource_id: has to be a positive whole number" in str(failures.errors[0])
    assert not server.requests


def test_wrong_argument_is_refused_where_the_dag_is_read() -> None:
    """The text names it."""
    with pytest.raises(ConfigurationError, match="counted"):
        AltcraftRefreshOperator(task_id="refresh", resource_id=24, counted="channel")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the point of it
    with pytest.raises(ConfigurationError, match="timeout"):
        AltcraftRefreshOperator(task_id="refresh", resource_id=24, timeout=-1)
