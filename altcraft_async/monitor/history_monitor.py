"""`HistoryMonitor`: only what a history says, for runs that are over or that nobody watches."""

from __future__ import annotations

import time

from altcraft_async.history import CounterHistory
from altcraft_async.models.validation import checked_kind
from altcraft_async.monitor.page import MonitorPage
from altcraft_async.monitor.views import Summary, View

__all__ = ["HistoryMonitor"]


class HistoryMonitor(MonitorPage):
    """Shows how the largest series of a history went on.

    ```python
    from altcraft_async.history import CounterHistory
    from altcraft_async.monitor import HistoryMonitor

    async with CounterHistory(":memory:") as counts, HistoryMonitor(counts, "counts").serve(port=0):
        ...
    ```
    """

    def __init__(self, history: CounterHistory, source: str, *, interval: float = 2.0) -> None:
        """Remember what to read; you close it.

        Args:
            history: Read each 30 seconds while a page is open; nothing is written.
            source: What the page calls it, such as its path.
            interval: Seconds between two updates of a page.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        checked_kind("history", history, CounterHistory)  # of other pages it is an option
        super().__init__(source, interval=interval, history=history)

    async def view(self) -> View:
        """Return that there is nothing else."""
        return View(Summary(source=self.source, at=time.time(), past=True))
