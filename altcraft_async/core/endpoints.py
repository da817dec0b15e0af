"""The table of API methods: path, wire names, reader, and whether a call may be repeated.

Here, and only here, the Python names of parameters become the vendor's, who
has three for the profile database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from altcraft_async.core.answers import started_task_id, task_answer, usual_task_answer
from altcraft_async.core.codecs import Document

__all__ = ["REFRESH_RESOURCE", "TASK_STATUS", "Endpoint", "parameters"]

T_co = TypeVar("T_co", covariant=True)


class Endpoint(msgspec.Struct, Generic[T_co], frozen=True, kw_only=True):
    """One API method.

    Attributes:
        path: Below ``/api/v1.1/``.
        read: From the whole answer, envelope included, to what it says.
        read_usual: From the body of an answer to what it says, at once, where it
            is as most answers are; ``None`` where it is not.
        names: From Python parameter to wire parameter, in the order of the page.
        starts: Whether it starts something: then it is repeated only where it
            surely was not acted on.
        lists_format: Whether the method's own page lists the ``format`` parameter.
    """

    path: str
    read: Callable[[Document], T_co]
    read_usual: Callable[[bytes], T_co | None] = lambda _body: None
    names: Mapping[str, str]
    starts: bool = False
    lists_format: bool = True


REFRESH_RESOURCE = Endpoint(
    path="resources/refresh_counters",
    read=started_task_id,
    names={"resource_id": "id", "database_id": "list_id", "feedback": "feedback"},
    starts=True,
)

TASK_STATUS = Endpoint(
    path="tasks/status",
    read=task_answer,
    read_usual=usual_task_answer,
    names={"task_id": "task_id"},
    lists_format=False,
)


def parameters(endpoint: Endpoint[object], values: Mapping[str, object]) -> dict[str, object]:
    """Return the values under their wire names; those that are ``None`` are not sent."""
    return {
        wire_name: value
        for name, wire_name in endpoint.names.items()
        if (value := values.get(name)) is not None
    }
