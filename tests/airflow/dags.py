"""Runs of a DAG in this process, with Airflow's own task runner, retries and database."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import clear_task_instances
from airflow.sdk import DAG
from airflow.sdk.definitions.dag import _run_task
from airflow.utils.session import create_session

from altcraft_async.integrations.airflow import Figures

BUNDLE = "dags-folder"


def folder() -> Path:
    """Return Airflow's folder of DAGs."""
    found = Path(os.environ["AIRFLOW_HOME"]) / "dags"
    found.mkdir(exist_ok=True)
    return found


def run(dag: DAG, **conf: object) -> DagRun:
    """Run a DAG to its end, retries included."""
    DagBundlesManager().sync_bundles_to_db()  # type: ignore[no-untyped-call]  # Airflow's
    bag = BundleDagBag(dag_folder=folder(), bundle_path=folder(), bundle_name=BUNDLE)
    bag.bag_dag(dag)
    sync_bag_to_db(bag, BUNDLE, None)
    finished: DagRun = dag.test(run_conf=conf)
    return finished


def tries(finished: DagRun, task_id: str = "refresh") -> int:
    """Return the number of the last try of a task."""
    found = finished.get_task_instance(task_id)
    assert found is not None
    return found.try_number


def xcom(finished: DagRun, task_id: str = "refresh") -> Figures:
    """Return the XCom of a task."""
    found = finished.get_task_instance(task_id)
    assert found is not None
    pulled: Figures = found.xcom_pull(task_ids=task_id)
    return pulled


def rerun(dag: DAG, finished: DagRun) -> None:
    """Clear the tasks of a run, and run them again."""
    cleared = finished.get_task_instances()
    with create_session() as session:
        clear_task_instances(cleared, session)
    for ti in finished.get_task_instances():
        ti.try_number += 1
        _run_task(ti=ti, task=dag.get_task(ti.task_id), run_triggerer=True)
