"""What the documented answers look like, and how they become models.

The structs here have the vendor's names and carry only what is used; unknown
fields are skipped. They describe whole answers, envelope included.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from altcraft_async.core.codecs import Document, UnreadableError
from altcraft_async.models import (
    Count,
    CounterGroup,
    CountersReport,
    SubscriptionCounters,
    TaskRef,
    TaskStatus,
    parse_time,
)

__all__ = ["TaskAnswer", "counters_report", "started_task_id", "task_answer"]

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _StartedData(msgspec.Struct):
    task_id: _Text


class _Started(msgspec.Struct):
    data: _StartedData


class _StatusData(msgspec.Struct):
    status: _Text
    progress: Any = None
    result: Any = None


class TaskAnswer(msgspec.Struct, frozen=True):
    """One look at a task.

    Attributes:
        status: What people get to see.
        result: The undecoded result, where it came.
    """

    status: TaskStatus
    result: Document


def started_task_id(document: Document) -> str:
    """Read the answer of every ``refresh_counters``: the task's opaque id."""
    return document.to(_Started).data.task_id


def task_answer(document: Document) -> TaskAnswer:
    """Read an answer of ``tasks/status``."""
    raw = document.mapping("data")
    data = document.part(raw).to(_StatusData)
    status = TaskStatus(status=data.status, progress=_percent(data.progress), raw=raw)
    return TaskAnswer(status, document.part(data.result))


def _percent(sent: object) -> int | None:
    """Return progress as a whole number, ``None`` for what is none: its range is not documented."""
    if isinstance(sent, bool):
        return None
    try:
        return int(float(sent)) if isinstance(sent, (int, float, str)) else None
    except (ValueError, OverflowError):
        return None


class _Channel(msgspec.Struct, gc=False):
    channel: _Text
    status: SubscriptionCounters


class _Group(msgspec.Struct):
    channels: list[_Channel]
    list_id: Count | None = None
    resource_id: Count | None = None
    in_progress: bool | None = None
    last_count_time: str | None = None
    refresh_task_id: str | None = None
    updated: str | None = None


def counters_report(result: Document, ref: TaskRef) -> CountersReport:
    """Read the result of a finished refresh.

    Raises:
        UnreadableError: There is no group in it, or none of this database.
    """
    groups = tuple(_model(group) for group in result.to(list[_Group]))
    if not groups:
        msg = "it is empty"
        raise UnreadableError(msg)
    wanted = _database_of(ref)
    counted = [group.database_id for group in groups]
    if wanted is not None and wanted not in counted and None not in counted:
        msg = f"the result is of database {', '.join(map(str, counted))}, not of {wanted}"
        raise UnreadableError(msg)
    return CountersReport(groups)


def _database_of(ref: TaskRef) -> int | None:
    """Return the database that a task counts in; where that stands depends on its kind."""
    match ref.kind, ref.target:
        case ("resource", (_, database_id)) | ("database", (database_id, _)):
            return database_id
        case ("segment", (_, _, database_id)):
            return database_id
        case _:
            return None


def _model(group: _Group) -> CounterGroup:
    return CounterGroup(
        database_id=group.list_id,
        resource_id=group.resource_id,
        channels={one.channel: one.status for one in group.channels},
        in_progress=bool(group.in_progress),
        refresh_task_id=group.refresh_task_id or "",
        updated=parse_time(group.updated or ""),
        last_count_time=group.last_count_time or "",
    )
