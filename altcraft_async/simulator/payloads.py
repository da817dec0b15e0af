"""The shapes of the platform's responses, as plain values for either format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from altcraft_async.models import CounterGroup, CountersReport, SubscriptionCounters
from altcraft_async.simulator.exports import Export
from altcraft_async.simulator.objects import Database, Field, Resource, Rule, Segment
from altcraft_async.simulator.timestamps import rfc3339
from altcraft_async.simulator.world import TaskState

# The vendor's samples of refreshes sort the counters by name, those of `get_counters` do not.
_UNSORTED = SubscriptionCounters.__struct_fields__
_SORTED = sorted(_UNSORTED)


def success(data: object) -> dict[str, object]:
    """Wrap the data of a successful response."""
    return {"data": data, "error": 0, "error_text": "Successful operation"}


def task_status(state: TaskState) -> dict[str, object]:
    """Write the state of a task; leaving out ``result`` before the end is our choice."""
    status: dict[str, object] = {"status": state.status, "progress": state.progress}
    if state.report is not None:
        status["result"] = counter_groups(state.report)
    if state.export is not None:
        status["result"] = _export(state.export)
        return dict(sorted(status.items()))  # as in the vendor's samples of exports
    return status


def counter_groups(report: CountersReport) -> list[object]:
    """Write a report, leaving out unset fields; groups of segments lack some."""
    return [_group(group) for group in report.groups]


def bare_channels(channels: Mapping[str, SubscriptionCounters]) -> list[object]:
    """Write counters as ``get_counters`` does: without groups, and channels sorted by name."""
    return [
        {"channel": channel, "status": _counters(channels[channel], _UNSORTED)}
        for channel in sorted(channels)
    ]


def resource_row(resource: Resource) -> dict[str, object]:
    """Write a row of ``resources/list``, the only one with lower-case groups."""
    groups = [{"id": group.id, "name": group.name} for group in resource.groups]
    return {"id": resource.id, "name": resource.name, "groups": groups}


def tagged_row(row: Database | Segment) -> dict[str, object]:
    """Write a row of another list, with capitalized groups."""
    groups = [{"Id": group.id, "Name": group.name} for group in row.groups]
    return {"id": row.id, "name": row.name, "ui_tags": list(row.tags), "Groups": groups}


def resource(resource: Resource, channels: Sequence[str]) -> dict[str, object]:
    """Write a resource."""
    return {
        "id": resource.id,
        "name": resource.name,
        "channels": list(channels),
        "dbs_ids": list(resource.database_ids),
        "trk_domain": resource.tracking_domain,
        "url": resource.url,
    }


def database(database: Database) -> dict[str, object]:
    """Write a database; leaving out an unset suppression list is our choice."""
    fields: dict[str, object] = {
        "id": database.id,
        "name": database.name,
        "suppress_id": database.suppression_list_id,
        "description": database.description,
    }
    return {name: value for name, value in fields.items() if value is not None}


def segment(segment: Segment, count: int) -> dict[str, object]:
    """Write a segment."""
    rules = [_rule(rule) for rule in segment.rules]
    return {"id": segment.id, "name": segment.name, "count": count, "segment": rules}


def field(field: Field) -> dict[str, object]:
    """Write a subscription field; an unset ``dictionary`` is left out."""
    fields: dict[str, object] = {
        "category": field.category,
        "title": field.title,
        "name": field.name,
        "required": field.required,
        "type": field.type,
        "dictionary": field.dictionary,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _export(export: Export) -> dict[str, object]:
    return {
        "errors": [],
        "source_id": export.source.id,
        "total": export.total,
        "type": export.source.type,
        "urls": list(export.urls),
    }


def _rule(rule: Rule) -> dict[str, object]:
    # The vendor documents these names, but neither their values nor the shape of a query.
    return {
        "condition": "and",
        "limit": 0,
        "list_id": rule.database_id,
        "percent_from": 0,
        "percent_to": 100,
        "queries": [
            {"field": name, "condition": comparison, "value": value}
            for name, comparison, value in rule.queries
        ],
    }


def _group(group: CounterGroup) -> dict[str, object]:
    fields: dict[str, object] = {
        "channels": [
            {"channel": channel, "status": _counters(counters, _SORTED)}
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


def _counters(counters: SubscriptionCounters, names: Sequence[str]) -> dict[str, int]:
    return {name: value for name in names if (value := getattr(counters, name)) is not None}
