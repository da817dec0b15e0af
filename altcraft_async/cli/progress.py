"""Live displays on stderr, and single lines where there is no terminal."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from rich.console import Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from altcraft_async import AltcraftClient, OutageStatus, TaskHandle
from altcraft_async.cli.output import message_console, print_message
from altcraft_async.cli.session import Verbosity, current_session
from altcraft_async.cli.tables import status_view
from altcraft_async.cli.totals import Totals

__all__ = ["print_outages", "show_many", "show_task"]

T = TypeVar("T")

_BAR_WIDTH = 24  # lets a whole line fit into 80 columns
_NARROWEST = 4
_BAR_STYLE = "cyan"  # rich's own is red, which reads as a failure
_FRAMES_PER_SECOND = 10
_OUTAGE_SECONDS = 0.5  # between two looks at the client; a shorter outage is not worth a line


def show_task(client: AltcraftClient, handle: TaskHandle[T]) -> AbstractContextManager[None]:
    """Show the progress of a task while the body runs, without any request."""
    spinner = Spinner("dots")

    def render() -> RenderableType:
        outage = client.outage
        line = _task_line(spinner, handle, None if outage else handle.eta)
        return Group(line, Text(_outage_line(outage))) if outage else line

    return _live(client, render, transient=True)


def show_many(client: AltcraftClient, totals: Totals) -> AbstractContextManager[None]:
    """Show the progress of many refreshes while the body runs."""
    bar_column = BarColumn(_BAR_WIDTH, complete_style=_BAR_STYLE)
    bar_columns = (TextColumn(totals.doing, markup=False), bar_column)
    without_eta = (*bar_columns, TextColumn("{task.fields[count]}", markup=False))
    eta = (TextColumn("{task.fields[count]}, ETA", markup=False), TimeRemainingColumn())
    with_eta = (*bar_columns, *eta)
    bars = Progress(*with_eta, auto_refresh=False)
    bar = bars.add_task("", count="")

    def render() -> RenderableType:
        outage = client.outage
        bars.columns = without_eta if outage else with_eta
        line = _totals_line(bars, bar, totals)
        bar_column.bar_width = _bar_width(len(f"{totals.doing} {line}, ETA 0:00:00") + 1)
        counts = (
            f"{totals.completed:,} completed, {totals.failed:,} failed, "
            f"{len(totals.running):,} running"
        )
        texts = [counts, *([_outage_line(outage)] if outage else [])]
        indent = len(totals.doing) + 1
        return Group(bars, *(Padding(Text(text), (0, 0, 0, indent)) for text in texts))

    return _live(client, render, transient=False)


@contextmanager
def print_outages(client: AltcraftClient) -> Generator[None, None, None]:
    """Print a line when an outage begins, and one when it ends, while the body runs.

    Log records say the same with ``--verbose``.
    """
    session = current_session()
    if session.shows(Verbosity.VERBOSE) or not session.shows(Verbosity.NORMAL):
        yield
        return
    since: datetime | None = None

    def check() -> None:
        nonlocal since
        outage = client.outage
        if outage and since is None:
            since = outage.since
            print_message(f"{_no_answer(outage)}, waiting")
        elif since is not None and not outage:
            seconds = (datetime.now(UTC) - since).total_seconds()
            print_message(f"the platform answers again after {seconds:.0f} s")
            since = None

    async def check_often() -> None:
        while True:
            check()
            await asyncio.sleep(_OUTAGE_SECONDS)

    checking = asyncio.create_task(check_often())
    try:
        yield
    finally:
        checking.cancel()
        check()


def _outage_line(outage: OutageStatus) -> str:
    return f"{_no_answer(outage)}, retrying in {math.ceil(outage.retry_after)} s"


def _no_answer(outage: OutageStatus) -> str:
    """Say since when and why the platform does not answer."""
    return f"no answer since {outage.since.astimezone():%H:%M:%S} ({outage.reason})"


@contextmanager
def _live(
    client: AltcraftClient, render: Callable[[], RenderableType], *, transient: bool
) -> Generator[None, None, None]:
    if not current_session().shows(Verbosity.NORMAL):
        yield
        return
    console = message_console()
    # FORCE_COLOR makes rich take a pipe for a terminal, so the file is asked as well.
    if not (console.is_interactive and console.file.isatty()):
        with print_outages(client):
            yield
        return
    with Live(
        get_renderable=render,
        console=console,
        refresh_per_second=_FRAMES_PER_SECOND,
        transient=transient,
        redirect_stdout=False,  # which gets results alone
        redirect_stderr=True,  # so that log records are printed above
    ):
        yield


def _totals_line(bars: Progress, bar: TaskID, totals: Totals) -> str:
    """Bring the bar up to date, and return the text behind it."""
    now = totals.snapshot()
    total = "?" if now.total is None else f"{now.total:,}"
    count = f"{now.done:,}/{total}{now.unit}"
    bars.update(bar, completed=now.done, total=now.total, count=count)
    return count


def _bar_width(others: int) -> int:
    """Return the columns of a bar beside so many others; a narrow screen has a short one."""
    return min(max(message_console().width - others, _NARROWEST), _BAR_WIDTH)


def _task_line(spinner: Spinner, handle: TaskHandle[T], eta: float | None) -> Table:
    status = handle.status
    status_text = "waiting" if status is None else status_view(status).plain
    eta_text = "" if eta is None else f"about {eta:.0f} s left"
    progress = None if status is None else status.progress
    bar = ProgressBar(
        total=None if progress is None else 100,
        completed=min(max(progress or 0, 0), 100),
        width=_bar_width(len(f"⠋ {status_text}  {eta_text}")),
        complete_style=_BAR_STYLE,
    )
    line = Table.grid(padding=(0, 1))
    line.add_row(
        spinner,
        Text(status_text),
        bar,
        Text(eta_text),
    )
    return line
