"""Airflow: refresh counters in tasks that free their worker while the platform counts."""

from altcraft_async.models.extras import extra

with extra("airflow", "airflow"):
    from altcraft_async.integrations.airflow.events import Figures
    from altcraft_async.integrations.airflow.hook import AltcraftHook
    from altcraft_async.integrations.airflow.ledger import TaskStateLedger
    from altcraft_async.integrations.airflow.operator import AltcraftRefreshOperator
    from altcraft_async.integrations.airflow.trigger import AltcraftRefreshTrigger

__all__ = [
    "AltcraftHook",
    "AltcraftRefreshOperator",
    "AltcraftRefreshTrigger",
    "Figures",
    "TaskStateLedger",
]
