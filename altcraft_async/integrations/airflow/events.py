"""What a trigger tells its operator, figures or an error, as plain data. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, cast, final

import msgspec

from altcraft_async import errors
from altcraft_async.errors import AltcraftError, TaskError
from altcraft_async.models import CountersReport, TaskRef

__all__ = ["Figures", "Group", "Trouble", "error_of", "figures_of", "trouble_of"]

_ERRORS: Mapping[str, type[AltcraftError]] = {
    name: getattr(errors, name) for name in errors.__all__
}


@final
class Group(TypedDict):
    """A `CounterGroup` as plain data; times are texts in ISO form."""

    database_id: int | None
    resource_id: int | None
    channels: dict[str, dict[str, int | None]]
    in_progress: bool
    refresh_task_id: str
    updated: str | None
    last_count_time: str


@final
class Figures(TypedDict):
    """What a task hands on by XCom: which task it was, and the groups of its report."""

    task_id: str
    kind: str
    target: list[int] | None
    groups: list[Group]


@final
class Trouble(TypedDict):
    """An error without what only this process can hold."""

    error: str
    text: str
    ref: str
    fields: Mapping[str, str | float | None]


def figures_of(ref: TaskRef, report: CountersReport) -> Figures:
    """Return a report as plain data, with the task that it came from."""
    return Figures(
        task_id=ref.task_id,
        kind=ref.kind,
        target=None if ref.target is None else list(ref.target),
        groups=[cast("Group", msgspec.to_builtins(group)) for group in report.groups],
    )


def trouble_of(ref: TaskRef, error: AltcraftError) -> Trouble:
    """Return the error of a wait as plain data."""
    return Trouble(
        error=type(error).__name__,
        text=str(error),
        ref=ref.to_json(),
        fields={
            name: value
            for name, value in vars(error).items()
            if value is None or isinstance(value, (str, int, float))
        },
    )


def error_of(trouble: Trouble) -> AltcraftError:
    """Make the error again, of the same class."""
    # Looked up in the tree, since what comes out of a database names no class of its choice.
    kind = _ERRORS.get(trouble["error"], AltcraftError)
    if issubclass(kind, TaskError):
        return kind(trouble["text"], ref=TaskRef.from_json(trouble["ref"]))
    error = kind(trouble["text"])
    vars(error).update(trouble["fields"])
    return error
