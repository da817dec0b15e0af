"""The DAGs in the guide on Airflow."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.models.dagrun import DagRun

from altcraft_async.simulator import Simulator
from tests.airflow.dags import BUNDLE, folder, run
from tests.support.guides import example

RunFile = Callable[[str, str], DagRun]


@pytest.fixture
def run_file() -> RunFile:
    """Writes a program to Airflow's folder of DAGs, and runs its DAG."""

    def ran(name: str, source: str) -> DagRun:
        (folder() / name).write_text(source)
        bag = BundleDagBag(dag_folder=folder(), bundle_path=folder(), bundle_name=BUNDLE)
        assert not bag.import_errors
        (found,) = (dag for dag in bag.dags.values() if dag.fileloc.endswith(f"/{name}"))
        return run(found)

    return ran


def test_dag_adds_up_subscribers(server: Simulator, run_file: RunFile) -> None:
    finished = run_file("dag.py", example("airflow", "dag.py"))
    assert finished.state == "success"
    total = finished.get_task_instance("total")
    assert total is not None
    assert total.xcom_pull(task_ids="total") > 0
    assert {ids for _, ids in server.starts} == {(24, 1), (25, 1), (26, 1)}


@pytest.mark.usefixtures("server")
def test_hook_lists_resources(run_file: RunFile) -> None:
    finished = run_file("counters.py", example("airflow", "counters.py"))
    counted = finished.get_task_instance("count_resources")
    assert counted is not None
    assert counted.xcom_pull(task_ids="count_resources") == 500
