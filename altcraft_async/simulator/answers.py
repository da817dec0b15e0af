"""The shapes of the platform's answers, as plain values for either format."""

from __future__ import annotations

from altcraft_async.models import CounterGroup, CountersReport, SubscriptionCounters
from altcraft_async.simulator.times import rfc3339
from altcraft_async.simulator.world import Look

SUCCESS = "Successful operation"

# Every documented sample that has them lists the figures by name.
_FIGURES = sorted(SubscriptionCounters.__struct_fields__)


def accepted(data: object) -> dict[str, object]:
    """Wrap what was asked for."""
    return {"data": data, "error": 0, "error_text": SUCCESS}


def refused(code: int, text: str) -> dict[str, object]:
    """Say no; that ``data`` is left out then is the simulator's own choice."""
    return {"error": code, "error_text": text}


def task_started(task_id: str) -> dict[str, object]:
    """Tell the id of a started task."""
    return {"task_id": task_id}


def task_status(look: Look) -> dict[str, object]:
    """Tell how far a task is; that ``result`` is left out until the end is our own choice."""
    status: dict[str, object] = {"status": look.status, "progress": look.progress}
    if look.report is not None:
        status["result"] = counter_groups(look.report)
    return status


def counter_groups(report: CountersReport) -> list[object]:
    """Write a report; what it does not say is left out, as segments leave out most."""
    return [_group(group) for group in report.groups]


def _group(group: CounterGroup) -> dict[str, object]:
    fields: dict[str, object] = {
        "channels": [
            {"channel": channel, "status": _figures(counters)}
            for channel, counters in group.channels.items()
        ],
        "in_progress": group.in_progress,
        "last_count_time": group.last_count_time or None,
        "list_id": group.database_id,
        "refresh_task_id": group.refresh_task_id,
        "resource_id": group.resource_id,
        "updated": rfc3339(group.updated) if group.updated else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _figures(counters: SubscriptionCounters) -> dict[str, int]:
    return {name: figure for name in _FIGURES if (figure := getattr(counters, name)) is not None}
