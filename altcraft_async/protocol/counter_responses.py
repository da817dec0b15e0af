"""Reads counters: the result of a refresh, and answers of ``…/get_counters``.

The structs here have the vendor's names and only the fields that are used;
unknown fields are skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from altcraft_async.models import CounterGroup, CountersReport, SubscriptionCounters, TaskRef
from altcraft_async.models.counters import Count, channel_order
from altcraft_async.models.targets import TaskKind, ids_of, named_target
from altcraft_async.models.times import parse_time
from altcraft_async.protocol.codecs import Document, UnreadableError
from altcraft_async.protocol.text import line

__all__ = ["LastCounters", "counters_report", "last_counters", "last_report"]

_Text = Annotated[str, msgspec.Meta(min_length=1)]


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
        UnreadableError: It has no group, or none of this database.
    """
    groups = tuple(map(_model, result.to(list[_Group])))
    if not groups:
        msg = "it is empty"
        raise UnreadableError(msg)
    wanted = _database_of(ref)
    counted = [group.database_id for group in groups]
    if wanted is not None and wanted not in counted and None not in counted:
        msg = f"the result is of database {', '.join(map(str, counted))}, not of {wanted}"
        raise UnreadableError(msg)
    ids = {} if ref.kind == "unknown" else ids_of(ref.kind, ref.target or ())
    return CountersReport(
        tuple(_with_ids(group, ids) for group in groups),
        kind=ref.kind,
        target=ref.target,
        refreshed_at=ref.started_at,
    )


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


def last_report(counters: LastCounters, kind: TaskKind, target: tuple[int, ...]) -> CountersReport:
    """Return the report of counters that were read for a target."""
    ids = ids_of(kind, target)
    groups = tuple(_with_ids(group, ids) for group in counters.groups)
    return CountersReport(groups, kind=kind, target=named_target(kind, target))


def _with_ids(group: CounterGroup, ids: Mapping[str, int]) -> CounterGroup:
    """Return a group with the ids of the request where the answer has none."""
    if group.database_id is not None and group.resource_id is not None:
        return group
    return msgspec.structs.replace(
        group,
        database_id=ids.get("database_id") if group.database_id is None else group.database_id,
        resource_id=ids.get("resource_id") if group.resource_id is None else group.resource_id,
    )


def _database_of(ref: TaskRef) -> int | None:
    """Return the database of a task's target; ``None`` where it has none."""
    match ref.kind, ref.target:
        case ("resource", (_, database_id)) | ("database", (database_id, _)):
            return database_id
        case ("segment", (_, _, database_id)):
            return database_id
        case _:
            return None


def _model(group: _Group) -> CounterGroup:
    channels: dict[str, SubscriptionCounters] = {}
    for one in sorted(group.channels, key=lambda one: channel_order(one.channel)):
        if one.channel in channels:
            # Which of the two is right is not known, and neither is safe to hand out.
            msg = f"channel `{one.channel}` is there twice"
            raise UnreadableError(msg)
        channels[one.channel] = one.status
    return CounterGroup(
        database_id=group.list_id,
        resource_id=group.resource_id,
        channels=channels,
        in_progress=bool(group.in_progress),
        refresh_task_id=line(group.refresh_task_id or ""),
        updated=parse_time(group.updated or ""),
        last_count_time=line(group.last_count_time or ""),
    )
