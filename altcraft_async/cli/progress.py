"""Live displays on stderr, for as long as somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from altcraft_async import CountersReport, TaskHandle
from altcraft_async.cli.show import status_view
from altcraft_async.cli.tally import Tally

__all__ = ["show_many", "show_task"]

_BAR_WIDTH = 24  # so that a whole line fits into 80 columns
_FRAMES_PER_SECOND = 10


@contextmanager
def show_task(handle: TaskHandle[CountersReport], console: Console) -> Generator[None, None, None]:
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
def show_many(tally: Tally, console: Console) -> Generator[Callable[[], None], None, None]:
    """Show how far many refreshes are; the body gets what to call whenever one is over."""
    if not _is_watched(console):
        yield lambda: None
        return
    columns = (
        TextColumn("refreshing", markup=False),
        BarColumn(_BAR_WIDTH),
        _Counts(tally),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns,
        console=console,
        refresh_per_second=_FRAMES_PER_SECOND,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bars:
        bar = bars.add_task("", total=tally.total)
        yield lambda: bars.update(bar, completed=tally.done)


def _is_watched(console: Console) -> bool:
    """Say whether a person sees it move; colour that is forced on a pipe makes it no terminal."""
    return console.is_interactive and console.file.isatty()


def _task_line(spinner: Spinner, handle: TaskHandle[CountersReport]) -> Table:
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


class _Counts(ProgressColumn):
    """Done, failed and running, read afresh at each frame."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    def render(self, task: Task) -> Text:  # noqa: ARG002 -- rich's signature; the tally knows more
        tally = self._tally
        done = f"{tally.done}/{tally.total}"
        return Text(f"{done}, {tally.failed} failed, {tally.running} running, ETA")
