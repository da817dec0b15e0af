"""Live displays on stderr."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from altcraft_async import AltcraftClient, OutageStatus, TaskHandle
from altcraft_async.cli.output import message_console
from altcraft_async.cli.tables import status_view
from altcraft_async.cli.totals import Totals

__all__ = ["show_many", "show_task"]

T = TypeVar("T")

_BAR_WIDTH = 24  # lets a whole line fit into 80 columns
_BAR_STYLE = "cyan"  # rich's own is red, which reads as a failure
_FRAMES_PER_SECOND = 10


def show_task(client: AltcraftClient, handle: TaskHandle[T]) -> AbstractContextManager[None]:
    """Show the progress of a task while the body runs, without any request."""
    spinner = Spinner("dots")

    def render() -> RenderableType:
        outage = client.outage
        line = _task_line(spinner, handle, None if outage else handle.eta)
        return Group(line, Text(_outage_line(outage))) if outage else line

    return _live(render, transient=True)


def show_many(client: AltcraftClient, totals: Totals) -> AbstractContextManager[None]:
    """Show the progress of many refreshes while the body runs."""
    bar_columns = (
        TextColumn("refreshing", markup=False),
        BarColumn(_BAR_WIDTH, complete_style=_BAR_STYLE),
    )
    without_eta = (*bar_columns, TextColumn("{task.fields[count]}", markup=False))
    eta = (TextColumn("{task.fields[count]}, ETA", markup=False), TimeRemainingColumn())
    with_eta = (*bar_columns, *eta)
    bars = Progress(*with_eta, auto_refresh=False)
    bar = bars.add_task("", count="")

    def render() -> RenderableType:
        outage = client.outage
        bars.columns = without_eta if outage else with_eta
        lines = _totals_lines(bars, bar, totals)
        if outage:
            lines.append(Text(f"           {_outage_line(outage)}"))
        return Group(*lines)

    return _live(render, transient=False)


def _outage_line(outage: OutageStatus) -> str:
    """Return a line that says since when and why the platform does not answer."""
    since = outage.since.astimezone().strftime("%H:%M:%S")
    return (
        f"no answer since {since} ({outage.reason}), retrying in {math.ceil(outage.retry_after)} s"
    )


@contextmanager
def _live(render: Callable[[], RenderableType], *, transient: bool) -> Generator[None, None, None]:
    console = message_console()
    # FORCE_COLOR makes rich take a pipe for a terminal, so the file is asked as well.
    if not (console.is_interactive and console.file.isatty()):
        yield
        return
    with Live(
        get_renderable=render,
        console=console,
        refresh_per_second=_FRAMES_PER_SECOND,
        transient=transient,
        # Both streams stay as they are, so that stdout gets results alone.
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield


def _totals_lines(bars: Progress, bar: TaskID, totals: Totals) -> list[RenderableType]:
    now = totals.snapshot()
    total = "?" if now.total is None else now.total
    bars.update(bar, completed=now.done, total=now.total, count=f"{now.done}/{total}{now.unit}")
    counts = f"{totals.completed} completed, {totals.failed} failed, {len(totals.running)} running"
    return [bars, Text(f"           {counts}")]


def _task_line(spinner: Spinner, handle: TaskHandle[T], eta: float | None) -> Table:
    status = handle.status
    progress = None if status is None else status.progress
    bar = ProgressBar(
        total=None if progress is None else 100,
        completed=min(max(progress or 0, 0), 100),
        width=_BAR_WIDTH,
        complete_style=_BAR_STYLE,
    )
    line = Table.grid(padding=(0, 1))
    line.add_row(
        spinner,
        Text("waiting") if status is None else status_view(status),
        bar,
        Text("" if eta is None else f"about {eta:.0f} s left"),
    )
    return line
