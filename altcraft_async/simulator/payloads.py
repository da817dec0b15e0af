"""The shapes of the platform's answers, as plain values for either format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from altcraft_async.models import CounterGroup, CountersReport, SubscriptionCounters
from altcraft_async.simulator.exports import Export
from altcraft_async.simulator.lists import Page
from altcraft_async.simulator.objects import Database, Field, Resource, Rule, Segment
from altcraft_async.simulator.timestamps import rfc3339
from altcraft_async.simulator.world import TaskState

SUCCESS = "Successful operation"

# The samples of refreshes list the figures by name, those of `get_counters` do not.
_SORTED = sorted(SubscriptionCounters.__struct_fields__)
_UNSORTED = SubscriptionCounters.__struct_fields__


def accepted(data: object) -> dict[str, object]:
    """Wrap what was asked for."""
    return {"data": data, "error": 0, "error_text": SUCCESS}


def page(page: Page, rows: Sequence[object]) -> dict[str, object]:
    """Wrap the rows of a page; the cursor and the total stand beside them."""
    return {
        **accepted(rows),
        "next_from_id": page.next_from_id,
        "total_count": page.total_count,
    }


def refused(code: int, text: str) -> dict[str, object]:
    """Say no; that ``data`` is left out then is the simulator's own choice."""
    return {"error": code, "error_text": text}


def task_started(task_id: str) -> dict[str, object]:
    """Tell the id of a started task."""
    return {"task_id": task_id}


def task_status(poll: TaskState) -> dict[str, object]:
    """Tell how far a task is; that ``result`` is left out until the end is our own choice."""
    status: dict[str, object] = {"status": poll.status, "progress": poll.progress}
    if poll.report is not None:
        status["result"] = counter_groups(poll.report)
    if poll.export is not None:
        status["result"] = _export(poll.export)
        return dict(sorted(status.items()))  # as in the samples of exports
    return status


def counter_groups(report: CountersReport) -> list[object]:
    """Write a report; what it does not say is left out, as segments leave out most."""
    return [_group(group) for group in report.groups]


def bare_channels(channels: Mapping[str, SubscriptionCounters]) -> list[object]:
    """Write figures as ``get_counters`` does: no group around them, another order of everything."""
    return [
        {"channel": channel, "status": _figures(channels[channel], _UNSORTED)}
        for channel in sorted(channels)
    ]


def resource_row(resource: Resource) -> dict[str, object]:
    """Write a row of ``resources/list``, the only one with groups in lower case."""
    groups = [{"id": group.id, "name": group.name} for group in resource.groups]
    return {"id": resource.id, "name": resource.name, "groups": groups}


def tagged_row(row: Database | Segment) -> dict[str, object]:
    """Write a row of one of the other lists, whose groups are in capitals."""
    groups = [{"Id": group.id, "Name": group.name} for group in row.groups]
    return {"id": row.id, "name": row.name, "ui_tags": list(row.tags), "Groups": groups}


def resource(resource: Resource, channels: Sequence[str]) -> dict[str, object]:
    """Write the whole of a resource."""
    return {
        "id": resource.id,
        "name": resource.name,
        "channels": list(channels),
        "dbs_ids": list(resource.database_ids),
        "trk_domain": resource.tracking_domain,
        "url": resource.url,
    }


def database(database: Database) -> dict[str, object]:
    """Write the whole of a database; that an unset suppression list is left out is our choice."""
    fields: dict[str, object] = {
        "id": database.id,
        "name": database.name,
        "suppress_id": database.suppression_list_id,
        "description": database.description,
    }
    return {name: value for name, value in fields.items() if value is not None}


def segment(segment: Segment, count: int) -> dict[str, object]:
    """Write the whole of a segment."""
    rules = [_rule(rule) for rule in segment.rules]
    return {"id": segment.id, "name": segment.name, "count": count, "segment": rules}


def field(field: Field) -> dict[str, object]:
    """Write a subscription field; the ``dictionary`` of one that has none is left out."""
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
    # Which values these have is not documented, nor what is in a query.
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
            {"channel": channel, "status": _figures(counters, _SORTED)}
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


def _figures(counters: SubscriptionCounters, names: Sequence[str]) -> dict[str, int]:
    return {name: figure for name in names if (figure := getattr(counters, name)) is not None}
