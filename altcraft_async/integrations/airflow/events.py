"""The payload of a trigger's event: counters or an error, as plain data. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, cast, final

import msgspec

from altcraft_async import errors
from altcraft_async.errors import AltcraftError, TaskError
from altcraft_async.models import CountersReport, TaskRef

__all__ = ["ErrorData", "Figures", "Group", "dump_error", "dump_report", "load_error"]

_ERRORS: Mapping[str, type[AltcraftError]] = {
    name: getattr(errors, name) for name in errors.__all__
}


@final
class Group(TypedDict):
    """A `CounterGroup` as plain data; times are in ISO format."""

    database_id: int | None
    resource_id: int | None
    channels: dict[str, dict[str, int | None]]
    in_progress: bool
    refresh_task_id: str
    updated: str | None
    last_count_time: str


@final
class Figures(TypedDict):
    """The XCom of a task: which platform task it was, and the groups of its report."""

    task_id: str
    kind: str
    target: list[int] | None
    groups: list[Group]


@final
class ErrorData(TypedDict):
    """An error, except for attributes that are not plain data."""

    error: str
    text: str
    ref: str
    fields: Mapping[str, str | float | None]


def dump_report(ref: TaskRef, report: CountersReport) -> Figures:
    """Return a report as plain data, with its task."""
    return Figures(
        task_id=ref.task_id,
        kind=ref.kind,
        target=None if ref.target is None else list(ref.target),
        groups=[cast("Group", msgspec.to_builtins(group)) for group in report.groups],
    )


def dump_error(ref: TaskRef, error: AltcraftError) -> ErrorData:
    """Return the error of a wait as plain data."""
    return ErrorData(
        error=type(error).__name__,
        text=str(error),
        ref=ref.to_json(),
        fields={
            name: value
            for name, value in vars(error).items()
            if value is None or isinstance(value, (str, int, float))
        },
    )


def load_error(data: ErrorData) -> AltcraftError:
    """Rebuild the error, of the same class."""
    # A lookup in the tree, so that the database cannot name any other class.
    kind = _ERRORS.get(data["error"], AltcraftError)
    if issubclass(kind, TaskError):
        return kind(data["text"], ref=TaskRef.from_json(data["ref"]))
    error = kind(data["text"])
    vars(error).update(data["fields"])
    return error
