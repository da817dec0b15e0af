"""`AltcraftRefreshTrigger`: the wait for a task, in Airflow's triggerer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from airflow.triggers.base import BaseTrigger, TriggerEvent

from altcraft_async.errors import AltcraftError
from altcraft_async.integrations.airflow.clients import shared_client
from altcraft_async.integrations.airflow.events import Figures, Trouble, figures_of, trouble_of
from altcraft_async.models import TaskRef

__all__ = ["AltcraftRefreshTrigger"]

_PATH = "altcraft_async.integrations.airflow.AltcraftRefreshTrigger"
"""Stands in Airflow's database, so it is the public name."""


class AltcraftRefreshTrigger(BaseTrigger):
    """Waits for a started refresh; Airflow's database sees the ref, never the token.

    A triggerer that dies costs nothing: the next one attaches to the same task.
    """

    def __init__(
        self,
        *,
        ref: str,
        altcraft_conn_id: str,
        deadline: str | None = None,
        stall: float | None = None,
    ) -> None:
        """Describe what to wait for.

        Args:
            ref: The task, as `TaskRef.to_json` wrote it.
            altcraft_conn_id: Connection to poll with.
            deadline: Aware time in ISO form until which to wait, so that a
                triggerer that takes over waits no longer; ``None`` for no limit.
            stall: Seconds after which a task that does not move is given up.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType]  # Airflow's
        self.ref = ref
        self.altcraft_conn_id = altcraft_conn_id
        self.deadline = deadline
        self.stall = stall

    def serialize(self) -> tuple[str, dict[str, object]]:
        """Return what the trigger is made of, for the database."""
        kwargs: dict[str, object] = {
            "ref": self.ref,
            "altcraft_conn_id": self.altcraft_conn_id,
            "deadline": self.deadline,
            "stall": self.stall,
        }
        return _PATH, kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and say once how it ended."""
        yield TriggerEvent(await self._end())  # type: ignore[no-untyped-call]  # Airflow's

    async def _end(self) -> Figures | Trouble:
        ref = TaskRef.from_json(self.ref)
        async with shared_client(self.altcraft_conn_id) as client:
            try:
                handle = client.tasks.attach(ref)
                report = await handle.wait(timeout=_left(self.deadline), stall=self.stall)
            except AltcraftError as error:
                return trouble_of(ref, error)
        return figures_of(ref, report)


def _left(deadline: str | None) -> float | None:
    if deadline is None:
        return None
    left = datetime.fromisoformat(deadline) - datetime.now(UTC)
    return max(left.total_seconds(), 0.0)
