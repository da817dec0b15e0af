"""`AltcraftRefreshTrigger`: waits for a task in Airflow's triggerer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from airflow.triggers.base import BaseTrigger, TriggerEvent

from altcraft_async.errors import AltcraftError
from altcraft_async.integrations.airflow.clients import shared_client
from altcraft_async.integrations.airflow.events import (
    ErrorData,
    Figures,
    dump_error,
    dump_report,
)
from altcraft_async.models import TaskRef

__all__ = ["AltcraftRefreshTrigger"]

_PATH = "altcraft_async.integrations.airflow.AltcraftRefreshTrigger"
"""Airflow's database stores it, so it is the public name."""


class AltcraftRefreshTrigger(BaseTrigger):
    """Waits for a started refresh.

    Airflow's database stores the ref and never the token. If a triggerer dies, the next
    one attaches to the same task.
    """

    def __init__(
        self,
        *,
        ref: str,
        altcraft_conn_id: str,
        deadline: str | None = None,
        stall: float | None = None,
    ) -> None:
        """Describe the wait.

        Args:
            ref: The task, as `TaskRef.to_json` wrote it.
            altcraft_conn_id: Connection to poll with.
            deadline: Aware time in ISO format at which the wait ends, also in a
                triggerer that takes over; ``None`` for no limit.
            stall: Seconds without progress after which the wait ends.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType]  # Airflow's
        self.ref = ref
        self.altcraft_conn_id = altcraft_conn_id
        self.deadline = deadline
        self.stall = stall

    def serialize(self) -> tuple[str, dict[str, object]]:
        """Return the path and the arguments, for the database."""
        kwargs: dict[str, object] = {
            "ref": self.ref,
            "altcraft_conn_id": self.altcraft_conn_id,
            "deadline": self.deadline,
            "stall": self.stall,
        }
        return _PATH, kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event when the wait has ended."""
        yield TriggerEvent(await self._wait())  # type: ignore[no-untyped-call]  # Airflow's

    async def _wait(self) -> Figures | ErrorData:
        ref = TaskRef.from_json(self.ref)
        async with shared_client(self.altcraft_conn_id) as client:
            try:
                handle = client.tasks.attach(ref)
                report = await handle.wait(timeout=_seconds_until(self.deadline), stall=self.stall)
            except AltcraftError as error:
                return dump_error(ref, error)
        return dump_report(ref, report)


def _seconds_until(deadline: str | None) -> float | None:
    if deadline is None:
        return None
    left = datetime.fromisoformat(deadline) - datetime.now(UTC)
    return max(left.total_seconds(), 0.0)
