"""Arguments that several commands share, and the examples in their help."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeVar

import click

from altcraft_async import AltcraftClient, TaskRef
from altcraft_async.cli.object_kinds import IDS, Kind, Target
from altcraft_async.models.task_words import read_task

__all__ = [
    "Command",
    "Form",
    "client_of",
    "examples",
    "form_option",
    "help_lines",
    "id_option",
    "json_option",
    "many_options",
    "target_of",
    "target_options",
    "task_argument",
    "tasks_argument",
]

Command = TypeVar("Command", bound=Callable[..., Any])

Form = Literal["json", "csv", "chart"] | None
"""What is printed: a table where none was asked for."""

IN_FLIGHT = 100

_FORMS = {
    "json": "Print JSON, for programs.",
    "csv": "Print CSV, for spreadsheets.",
    "chart": "Print bars instead of a table.",
}

_OTHERS = {
    "database_id": "Profile database to count in.",
    "resource_id": "Resource whose subscribers are counted.",
}


def help_lines(title: str, *lines: str) -> str:
    """Return a block for the end of a help text that click does not wrap."""
    return "\n".join(("\b", f"{title}:", *(f"  {line}" for line in lines)))


def examples(*lines: str) -> str:
    """Return the end of a command's help: the command in use, and where its exit codes stand."""
    title = "Examples" if len(lines) > 1 else "Example"
    return f"{help_lines(title, *lines)}\n\nExit codes: altcraft --help"


def form_option(*forms: str) -> Callable[[Command], Command]:
    """Add an option for each form but the table, which is what comes without; the last wins."""

    def add(command: Command) -> Command:
        for form in reversed(forms):
            option = click.option(f"--{form}", "form", flag_value=form, help=_FORMS[form])
            command = option(command)
        return command

    return add


def id_option(name: str, *, required: bool, text: str) -> Callable[[Command], Command]:
    """Add an option for an id."""
    flag = f"--{name.replace('_', '-')}"
    return click.option(flag, name, type=_ID, required=required, metavar="N", help=text)


def target_options(kind: Kind, *, many: bool) -> Callable[[Command], Command]:
    """Add what names a target, or several that share all but the first id."""
    first, *others = IDS[kind.name]

    def add(command: Command) -> Command:
        if kind.name == "segment":
            command = _database_name_option(command)
        for name in reversed(others):
            is_optional = kind.name == "segment" and name == "database_id"
            text = f"{_OTHERS[name]}{' Static segments need none.' if is_optional else ''}"
            command = id_option(name, required=not is_optional, text=text)(command)
        argument = click.argument(
            "numbers" if many else "number",
            metavar=f"{first.upper()}{'...' if many else ''}",
            type=_ID,
            nargs=-1 if many else 1,
            required=True,
        )
        return argument(command)

    return add


def client_of(others: Mapping[str, Any]) -> AltcraftClient:
    """Return a client of the account in the environment, as the options want it."""
    return AltcraftClient.from_env(
        segment_database_name=others.get("database_name"), rate_limit=others.get("rate_limit")
    )


def target_of(kind: Kind, number: int, others: Mapping[str, Any]) -> Target:
    """Return the target that the options name."""
    rest: Iterator[int | None] = (others[name] for name in kind.ids[1:])
    return (number, *(value for value in rest if value is not None))


def _read_seconds(
    _context: click.Context, _parameter: click.Parameter, seconds: float | None
) -> float | None:
    """Refuse it here already: a wait that cannot be would come after a start."""
    if seconds is None or 0 <= seconds < math.inf:
        return seconds
    msg = f"{seconds!r} is no number of seconds from 0 on."
    raise click.BadParameter(msg)


def _read_task(_context: click.Context, _parameter: click.Parameter, task: str) -> TaskRef:
    return read_task(task)


def _read_tasks(
    _context: click.Context, _parameter: click.Parameter, tasks: tuple[str, ...]
) -> tuple[TaskRef, ...]:
    """Read several, each of them once."""
    return tuple(dict.fromkeys(read_task(task) for task in tasks))


_ID = click.IntRange(min=1)

_database_name_option = click.option(
    "--database-name",
    type=click.Choice(["db_id", "list_id"]),
    help="What your install calls the database of a segment; by default as documented.",
)

json_option = form_option("json")

_timeout_option = click.option(
    "--timeout",
    type=float,
    callback=_read_seconds,
    metavar="S",
    help="Stop waiting for a task after so many seconds.",
)

_in_flight_option = click.option(
    "--in-flight",
    type=click.IntRange(min=1),
    default=IN_FLIGHT,
    show_default=True,
    metavar="N",
    help="How many at once.",
)

_rate_option = click.option(
    "--rate-limit",
    type=click.FloatRange(0, min_open=True),
    metavar="N",
    help="Requests a second at most; the platform may slow it down further.",
)


def many_options(command: Command) -> Command:
    """Add what commands share that follow many tasks at once."""
    return _timeout_option(_in_flight_option(_rate_option(command)))


task_argument = click.argument("task", metavar="TASK_ID", callback=_read_task)

tasks_argument = click.argument(
    "tasks", metavar="TASK_ID...", nargs=-1, required=True, callback=_read_tasks
)
