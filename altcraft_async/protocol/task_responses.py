"""What the documented answers look like, and how they become models.

The structs here have the vendor's names and carry only what is used; unknown
fields are skipped. They describe whole answers, envelope included.
"""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import msgspec

from altcraft_async.models import (
    CounterGroup,
    CountersReport,
    SubscriptionCounters,
    TaskRef,
    TaskStatus,
)
from altcraft_async.models.counters import Count
from altcraft_async.models.times import parse_time
from altcraft_async.protocol.codecs import Document, Plain, UnreadableError

__all__ = [
    "LastCounters",
    "TaskAnswer",
    "counters_report",
    "last_counters",
    "last_report",
    "started_task_id",
    "task_answer",
    "usual_task_answer",
]

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _StartedData(msgspec.Struct):
    task_id: _Text


class _Started(msgspec.Struct):
    data: _StartedData


class TaskAnswer(msgspec.Struct, frozen=True, gc=False):
    """One poll a task, as small as it can be kept.

    Attributes:
        name: Of the status, as sent.
        progress: As sent; ``None`` where missing or no number.
        data: The answer's ``data`` as JSON, in whichever format it came.
        textual: Whether every scalar in it is text, as in XML.
    """

    name: str
    progress: int | None
    data: bytes
    textual: bool = False

    @property
    def status(self) -> TaskStatus:
        """What people get to see."""
        return TaskStatus(status=self.name, progress=self.progress, raw=self._fields())

    @property
    def result(self) -> Document:
        """The undecoded result; null where none came."""
        return Document(self._fields().get("result"), self.textual)

    def _fields(self) -> dict[str, Plain]:
        fields: dict[str, Plain] = msgspec.json.decode(self.data)
        return fields


def started_task_id(document: Document) -> str:
    """Read the answer of every ``refresh_counters``: the task's opaque id."""
    return document.to(_Started).data.task_id


class _UsualData(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """All that is said of most running tasks."""

    status: _Text
    progress: int | None = None
    result: None = None


class _Usual(msgspec.Struct, gc=False):
    data: msgspec.Raw
    error: Literal[0]


_decode_usual = msgspec.json.Decoder(_Usual).decode
_decode_usual_data = msgspec.json.Decoder(_UsualData).decode


def usual_task_answer(body: bytes) -> TaskAnswer | None:
    """Read what most answers of ``tasks/status`` are, at a fifth of the cost of `task_answer`.

    ``None`` where it is anything but JSON of the documented fields.
    """
    if not body.startswith(b"{"):
        return None
    try:
        sent = _decode_usual(body).data
        data = _decode_usual_data(sent)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return TaskAnswer(sys.intern(data.status), data.progress, bytes(sent))


def task_answer(document: Document) -> TaskAnswer:
    """Read an answer of ``tasks/status``."""
    data = document.mapping("data")
    status = data.get("status")
    if not isinstance(status, str) or not status:
        msg = "Expected `str` of length >= 1 - at `$.data.status`"
        raise UnreadableError(msg)
    progress = _percent(data.get("progress"))
    # The same few names come again and again, and are kept for each task.
    return TaskAnswer(sys.intern(status), progress, msgspec.json.encode(data), document.textual)


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


class LastCounters(msgspec.Struct, frozen=True):
    """An answer of ``…/get_counters``.

    Attributes:
        groups: One that does not name its database, where bare channels came as documented.
        says_what_runs: Whether each group says if a refresh runs. Otherwise a
            `CounterGroup` that is not ``in_progress`` proves nothing.
    """

    groups: tuple[CounterGroup, ...]
    says_what_runs: bool


def last_counters(document: Document) -> LastCounters:
    """Read an answer of ``…/get_counters``: bare channels as documented, or groups of them."""
    data = Document(document.field("data"), document.textual)
    items = data.value if isinstance(data.value, list) else [data.value]
    if any(isinstance(item, dict) and "channels" in item for item in items):
        groups = data.to(list[_Group])
    else:
        groups = [_Group(channels=data.to(list[_Channel]))]
    says_what_runs = all(group.in_progress is not None for group in groups)
    return LastCounters(tuple(map(_model, groups)), says_what_runs)


def last_report(
    counters: LastCounters, *, database_id: int | None, resource_id: int
) -> CountersReport:
    """Return the report of counters, with the ids of the request where the answer has none."""
    return CountersReport(
        tuple(
            msgspec.structs.replace(
                group,
                database_id=database_id if group.database_id is None else group.database_id,
                resource_id=resource_id if group.resource_id is None else group.resource_id,
            )
            for group in counters.groups
        )
    )


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
