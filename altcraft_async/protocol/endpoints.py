"""The table of API methods: path, wire names, reader, and whether a call may be retried.

Only here the Python names of parameters become the vendor's, which has three
names for the profile database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from altcraft_async.models import TaskKind
from altcraft_async.protocol.codecs import Document
from altcraft_async.protocol.counter_responses import LastCounters, last_counters
from altcraft_async.protocol.object_responses import (
    database_details,
    database_page,
    resource_details,
    resource_page,
    segment_details,
    segment_page,
    subscription_fields,
)
from altcraft_async.protocol.task_responses import (
    started_task_id,
    task_answer,
    usual_started_task_id,
    usual_task_answer,
)

__all__ = [
    "DATABASE_COUNTERS",
    "GET_DATABASE",
    "GET_RESOURCE",
    "GET_SEGMENT",
    "LIST_DATABASES",
    "LIST_RESOURCES",
    "LIST_SEGMENTS",
    "REFRESH_DATABASE",
    "REFRESH_RESOURCE",
    "REFRESH_SEGMENT",
    "RESOURCE_COUNTERS",
    "RESOURCE_FIELDS",
    "SEGMENT_COUNTERS",
    "TASK_STATUS",
    "Endpoint",
    "counters_by_kind",
    "parameters",
    "renamed",
]

T_co = TypeVar("T_co", covariant=True)


class Endpoint(msgspec.Struct, Generic[T_co], frozen=True, kw_only=True):
    """One API method.

    Attributes:
        path: Below ``/api/v1.1/``.
        read: Makes the value of an answer, envelope included.
        read_usual: Makes the value of the body of a usual answer in one step;
            ``None`` for any other answer.
        names: Wire parameters by Python parameter, in the order of the page.
        starts: Whether it starts a task. Then it is retried only where the
            platform surely did not act on it.
        lists_format: Whether the method's own page lists the ``format`` parameter.
    """

    path: str
    read: Callable[[Document], T_co]
    read_usual: Callable[[bytes], T_co | None] = lambda _body: None
    names: Mapping[str, str]
    starts: bool = False
    lists_format: bool = True


_FEEDBACK = {"feedback": "feedback"}
_PAGE = {"from_id": "from_id", "limit": "limit"}
_TAGS = {"tags": "ui_tags"}
_GROUPS = {"groups": "groups", "groups_id": "groups_id"}

LIST_RESOURCES = Endpoint(path="resources/list", read=resource_page, names={**_PAGE, **_GROUPS})

GET_RESOURCE = Endpoint(path="resources/get", read=resource_details, names={"resource_id": "id"})

# Undocumented: name and parameters are those of the other two ``get_counters``.
RESOURCE_COUNTERS = Endpoint(
    path="resources/get_counters",
    read=last_counters,
    names={"resource_id": "id", "database_id": "list_id"},
)

REFRESH_RESOURCE = Endpoint(
    path="resources/refresh_counters",
    read=started_task_id,
    read_usual=usual_started_task_id,
    names={"resource_id": "id", "database_id": "list_id", **_FEEDBACK},
    starts=True,
)

RESOURCE_FIELDS = Endpoint(
    path="resources/fields_get",
    read=subscription_fields,
    names={"resource_id": "id", "channel": "channel"},
    lists_format=False,
)

LIST_DATABASES = Endpoint(
    path="databases/list", read=database_page, names={**_PAGE, **_TAGS, **_GROUPS}
)

GET_DATABASE = Endpoint(path="databases/get", read=database_details, names={"database_id": "id"})

DATABASE_COUNTERS = Endpoint(
    path="databases/get_counters",
    read=last_counters,
    names={"database_id": "id", "resource_id": "resource_id"},
)

REFRESH_DATABASE = Endpoint(
    path="databases/refresh_counters",
    read=started_task_id,
    read_usual=usual_started_task_id,
    names={"database_id": "id", "resource_id": "resource_id", **_FEEDBACK},
    starts=True,
)

LIST_SEGMENTS = Endpoint(
    path="segments/list", read=segment_page, names={**_PAGE, **_TAGS, **_GROUPS}
)

GET_SEGMENT = Endpoint(path="segments/get", read=segment_details, names={"segment_id": "id"})

# The newest text of this page says list_id, that of the next one db_id.
SEGMENT_COUNTERS = Endpoint(
    path="segments/get_counters",
    read=last_counters,
    names={"segment_id": "id", "resource_id": "resource_id", "database_id": "list_id"},
)

REFRESH_SEGMENT = Endpoint(
    path="segments/refresh_counters",
    read=started_task_id,
    read_usual=usual_started_task_id,
    names={"segment_id": "id", "resource_id": "resource_id", "database_id": "db_id"},
    starts=True,
)

TASK_STATUS = Endpoint(
    path="tasks/status",
    read=task_answer,
    read_usual=usual_task_answer,
    names={"task_id": "task_id"},
    lists_format=False,
)


def renamed(endpoint: Endpoint[T_co], name: str, wire_name: str | None) -> Endpoint[T_co]:
    """Return the endpoint with another wire name for a parameter; ``None`` leaves it as it is."""
    if wire_name is None:
        return endpoint
    return msgspec.structs.replace(endpoint, names={**endpoint.names, name: wire_name})


def counters_by_kind(
    segment_database_name: str | None,
) -> Mapping[TaskKind, Endpoint[LastCounters]]:
    """Return the ``get_counters`` of each kind of target, documented methods only.

    A resource in a database has the same two ids as a database in a resource.
    """
    segment = renamed(SEGMENT_COUNTERS, "database_id", segment_database_name)
    return {"resource": DATABASE_COUNTERS, "database": DATABASE_COUNTERS, "segment": segment}


def parameters(endpoint: Endpoint[object], values: Mapping[str, object]) -> dict[str, object]:
    """Return the values under their wire names; those that are ``None`` are not sent."""
    return {
        wire_name: value
        for name, wire_name in endpoint.names.items()
        if (value := values.get(name)) is not None
    }
