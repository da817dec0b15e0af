"""Arguments, options and help texts that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from altcraft_async.cli.object_kinds import ID_NAMES, ObjectKind
from altcraft_async.models import TaskRef
from altcraft_async.models.task_words import read_task

__all__ = [
    "CSV",
    "FOR_PROGRAMS",
    "Command",
    "Form",
    "Number",
    "WholeNumber",
    "choice_options",
    "examples",
    "form_option",
    "group_option",
    "help_lines",
    "id_argument",
    "in_flight_option",
    "ledger_option",
    "many_options",
    "output_option",
    "port_option",
    "rate_option",
    "run_options",
    "target_options",
    "task_argument",
    "tasks_argument",
]

Command = TypeVar("Command", bound=Callable[..., Any])

Form = Literal["json", "csv", "csv-raw", "chart"] | None
"""What is printed; ``None`` for a table."""

CSV = ("csv", "csv-raw")
FOR_PROGRAMS = ("json", *CSV)

_FORMS = {
    "json": "Print JSON, for programs.",
    "csv": "Print CSV for spreadsheets: a ' goes before text that one would run as a formula.",
    "csv-raw": "Print CSV for programs, with all text as it is.",
    "chart": "Print bars instead of a table.",
}

_OTHER_IDS = {
    "database_id": "Profile database of the subscribers.",
    "resource_id": "Resource of the subscribers.",
}


class WholeNumber(click.IntRange):
    """A range of integers, in words that a refused value can be told in."""

    name = "whole number"


class Number(click.FloatRange):
    """A range of floats, in words that a refused value can be told in."""

    name = "number"


class _Seconds(click.types.FloatParamType):
    name = "number of seconds"


_ID = WholeNumber(min=1)
_SECONDS = _Seconds()

_LONGEST_NAME = 100

_LAST_PORT = 65535

_ENDINGS = (".csv", ".jsonl", ".parquet")


def help_lines(title: str, *lines: str) -> str:
    """Return a block for the end of a help text, which click does not wrap."""
    return "\n".join(("\b", f"{title}:", *(f"  {line}" for line in lines)))


def examples(*lines: str) -> str:
    """Return the end of a command's help: examples, and where to find the exit codes."""
    title = "Examples" if len(lines) > 1 else "Example"
    return f"{help_lines(title, *lines)}\n\nExit codes: altcraft --help"


def form_option(*forms: str) -> Callable[[Command], Command]:
    """Add an option per form of output, CSV also raw; without one, a table is printed."""

    def add(command: Command) -> Command:
        with_raw = [one for form in forms for one in (CSV if form == "csv" else (form,))]
        for form in reversed(with_raw):
            option = click.option(
                f"--{form}", is_flag=True, expose_value=False, callback=_choose, help=_FORMS[form]
            )
            command = option(command)
        return command

    return add


def _choose(context: click.Context, parameter: click.Parameter, chosen: object) -> None:
    """Set the one parameter ``form``, and refuse a second form."""
    other = context.params.setdefault("form", None)
    if not chosen:
        return
    form = parameter.opts[0].removeprefix("--")
    if other is not None:
        msg = f"--{other} and --{form} exclude each other."
        raise click.UsageError(msg, context)
    context.params["form"] = form


def id_argument(name: str) -> Callable[[Command], Command]:
    """Add an id as the only argument, ``number``."""
    return click.argument("number", metavar=name.upper(), type=_ID)


def group_option(plural: str) -> Callable[[Command], Command]:
    """Add a filter by access group."""
    text = f"Only {plural} of this access group; repeatable."
    return click.option("--group", "groups", multiple=True, metavar="NAME", help=text)


def in_flight_option(default: int) -> Callable[[Command], Command]:
    """Add how many tasks run at once."""
    return click.option(
        "--in-flight",
        type=WholeNumber(min=1),
        default=default,
        show_default=True,
        metavar="N",
        help="Work on at most N at the same time.",
    )


def port_option(default: int, text: str) -> Callable[[Command], Command]:
    """Add the port of a server on this machine."""
    return click.option(
        "--port",
        type=WholeNumber(0, _LAST_PORT),
        default=default,
        show_default=True,
        metavar="N",
        help=f"{text}; 0 takes a free one.",
    )


def target_options(kind: ObjectKind, *, many: bool) -> Callable[[Command], Command]:
    """Add the ids of a target, or of several that differ in their first id."""
    first, *others = ID_NAMES[kind.name]

    def add(command: Command) -> Command:
        if kind.name == "segment":
            command = _database_name_option(command)
        for name in reversed(others):
            command = click.option(
                f"--{name.replace('_', '-')}",
                name,
                type=_ID,
                required=not _is_optional(kind, name),
                metavar="N",
                help=_other_id_help(kind, name),
            )(command)
        if not many:
            return id_argument(first)(command)
        metavar = f"{first.upper()}..."
        return click.argument("numbers", metavar=metavar, type=_ID, nargs=-1, required=True)(
            command
        )

    return add


def _is_optional(kind: ObjectKind, name: str) -> bool:
    return kind.name == "segment" and name == "database_id"


def _other_id_help(kind: ObjectKind, name: str) -> str:
    """Say what an id is of, and where to find it."""
    text = _OTHER_IDS[name]
    if _is_optional(kind, name):
        return f"{text} Static segments need none."
    if kind.name == "resource":
        return f"{text} altcraft resources get lists those of a resource."
    return text


def many_options(command: Command) -> Command:
    """Add the options of commands that wait for many tasks at once."""
    return _timeout_option(_patience_option(in_flight_option(100)(rate_option(command))))


def choice_options(command: Command) -> Command:
    """Add the filters of commands that go through every resource."""
    named = click.option(
        "--name",
        "names",
        multiple=True,
        metavar="PATTERN",
        help="Only resources whose name matches, with * and ?; repeatable.",
    )
    return named(group_option("resources")(command))


def ledger_option(command: Command) -> Command:
    """Add the file of the runs."""
    return click.option(
        "--ledger",
        "ledger_path",
        type=click.Path(dir_okay=False, resolve_path=True),
        metavar="FILE",
        help="The file of named runs; altcraft runs says where it is by default.",
    )(command)


def run_options(command: Command) -> Command:
    """Add the options of a named run."""
    run = click.option(
        "--run",
        "run_name",
        callback=_read_name,
        metavar="NAME",
        help="Name this run, so that the same command, or altcraft resume, goes on with it.",
    )
    return run(ledger_option(command))


def output_option(command: Command) -> Command:
    """Add a file that gets the rows."""
    return click.option(
        "--output",
        type=click.Path(resolve_path=True),
        metavar="FILE",
        callback=_check_ending,
        help="Write a row per channel into this file: .csv, .jsonl or .parquet. "
        "It appears at the end, whole.",
    )(command)


def _read_seconds(
    _context: click.Context, _parameter: click.Parameter, seconds: float | None
) -> float | None:
    """Refuse a wrong timeout before anything is started; `TaskHandle.wait` would do so after."""
    if seconds is None or 0 <= seconds < math.inf:
        return seconds
    msg = f"{seconds!r} is not a number of seconds from 0 on."
    raise click.BadParameter(msg)


def _read_name(
    _context: click.Context, _parameter: click.Parameter, name: str | None
) -> str | None:
    if name is None:
        return None
    if 0 < len(name) <= _LONGEST_NAME and name.isprintable() and not name.startswith("-"):
        return name
    msg = f"a name has 1 to {_LONGEST_NAME} printable characters and does not begin with -."
    raise click.BadParameter(msg)


def _check_ending(
    _context: click.Context, _parameter: click.Parameter, path: str | None
) -> str | None:
    if path is None or Path(path).suffix.lower() in _ENDINGS:
        return path
    msg = f"{path!r} does not end in .csv, .jsonl or .parquet."
    raise click.BadParameter(msg)


def _read_task(_context: click.Context, _parameter: click.Parameter, task: str) -> TaskRef:
    return read_task(task)


def _read_tasks(
    _context: click.Context, _parameter: click.Parameter, tasks: tuple[str, ...]
) -> tuple[TaskRef, ...]:
    """Read several tasks, each once."""
    return tuple(dict.fromkeys(map(read_task, tasks)))


_database_name_option = click.option(
    "--database-name",
    type=click.Choice(["db_id", "list_id"]),
    help="Name of the database parameter at your install; by default the documented one.",
)

_timeout_option = click.option(
    "--timeout",
    type=_SECONDS,
    callback=_read_seconds,
    metavar="S",
    help="Stop waiting for a task after this many seconds.",
)

_patience_option = click.option(
    "--outage-patience",
    type=_SECONDS,
    callback=_read_seconds,
    metavar="S",
    help="While the platform does not answer, wait up to this many seconds; 600 by default.",
)

rate_option = click.option(
    "--rate-limit",
    type=Number(0, min_open=True),
    metavar="N",
    help="Send at most N requests per second.",
)

task_argument = click.argument("task", metavar="TASK_ID", callback=_read_task)

tasks_argument = click.argument(
    "tasks", metavar="TASK_ID...", nargs=-1, required=True, callback=_read_tasks
)
