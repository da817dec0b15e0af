"""Arguments that several commands share, and the examples in their help."""

from __future__ import annotations

import math

import click

from altcraft_async import TaskRef

__all__ = ["help_lines", "json_option", "task_argument", "timeout_option"]


def help_lines(title: str, *lines: str) -> str:
    """Return a block for the end of a help text that click does not wrap."""
    return "\n".join(("\b", f"{title}:", *(f"  {line}" for line in lines)))


def _read_seconds(
    _context: click.Context, _parameter: click.Parameter, seconds: float | None
) -> float | None:
    """Refuse it here already: a wait that cannot be would come after a start."""
    if seconds is None or 0 <= seconds < math.inf:
        return seconds
    msg = f"{seconds!r} is no number of seconds from 0 on."
    raise click.BadParameter(msg)


def _read_task(_context: click.Context, _parameter: click.Parameter, task: str) -> TaskRef:
    return TaskRef.from_json(task) if task.lstrip().startswith("{") else TaskRef(task_id=task)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

timeout_option = click.option(
    "--timeout",
    type=float,
    callback=_read_seconds,
    metavar="S",
    help="Stop waiting after so many seconds.",
)

task_argument = click.argument("task", metavar="TASK_ID", callback=_read_task)
