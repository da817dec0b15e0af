"""Live displays on stderr, for as long as somebody polls."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from altcraft_async import TaskHandle
from altcraft_async.cli.tables import status_view
from altcraft_async.cli.totals import Snapshot, Tally

__all__ = ["show_many", "show_task"]

T = TypeVar("T")

_BAR_WIDTH = 24  # so that a whole line fits into 80 columns
_FRAMES_PER_SECOND = 10


@contextmanager
def show_task(handle: TaskHandle[T], console: Console) -> Generator[None, None, None]:
    """Show how far a task is while the body runs.

    The display reads the handle and asks the platform nothing.
    """
    if not _is_watched(console):
        yield
        return
    spinner = Spinner("dots")
    with Live(
        get_renderable=lambda: _task_line(spinner, handle),
        console=console,
        refresh_per_second=_FRAMES_PER_SECOND,
        transient=True,
        # What is printed meanwhile goes where it was meant to go.
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield


@contextmanager
def show_many(
    tally: Tally, snapshot: Callable[[], Snapshot], console: Console
) -> Generator[None, None, None]:
    """Show how far many refreshes are while the body runs.

    Args:
        tally: What came of them so far.
        snapshot: How far they are.
        console: Where to show it.
    """
    if not _is_watched(console):
        yield
        return
    bars = Progress(
        TextColumn("refreshing", markup=False),
        BarColumn(_BAR_WIDTH),
        TextColumn("{task.fields[count]}, ETA", markup=False),
        TimeRemainingColumn(),
        auto_refresh=False,
    )
    bar = bars.add_task("", count="")
    with Live(
        get_renderable=lambda: _many(bars, bar, snapshot(), tally),
        console=console,
        refresh_per_second=_FRAMES_PER_SECOND,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield


def _many(bars: Progress, bar: TaskID, now: Snapshot, tally: Tally) -> Group:
    total = "?" if now.total is None else now.total
    bars.update(bar, completed=now.done, total=now.total, count=f"{now.done}/{total}{now.unit}")
    counts = f"{tally.completed} completed, {tally.failed} failed, {len(tally.running)} running"
    return Group(bars, Text(f"           {counts}"))


def _is_watched(console: Console) -> bool:
    """Say whether a person sees it move; colour that is forced on a pipe makes it no terminal."""
    return console.is_interactive and console.file.isatty()


def _task_line(spinner: Spinner, handle: TaskHandle[T]) -> Table:
    status, eta = handle.status, handle.eta
    progress = None if status is None else status.progress
    bar = ProgressBar(
        total=None if progress is None else 100,
        completed=min(max(progress or 0, 0), 100),
        width=_BAR_WIDTH,
    )
    line = Table.grid(padding=(0, 1))
    line.add_row(
        spinner,
        Text("waiting") if status is None else status_view(status),
        bar,
        Text("" if eta is None else f"about {eta:.0f} s left"),
    )
    return line
