"""`Monitor`: what the clients of a program do, as an observer with a bounded state.

What a task shows is read from its `ObservedTask` when a page asks, so that a poll costs
little. Of the tasks without a waiter, only the last ones that ended are kept.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from itertools import islice

from altcraft_async.errors import AltcraftError, ClientClosedError, RateLimitedError
from altcraft_async.history import CounterHistory
from altcraft_async.models import TaskKind
from altcraft_async.monitor import views
from altcraft_async.monitor.page import MonitorPage
from altcraft_async.observer import ObservedTask, Observer, PollEvent

__all__ = ["Monitor"]

Target = tuple[int, ...] | None
_Failed = tuple[float, tuple[TaskKind, Target], tuple[str, str]]  # when, what and why


class Monitor(MonitorPage, Observer):
    """Watches the clients of one event loop, as their ``observer=``, and shows a page.

    ```python
    from aiohttp import web
    from altcraft_async import AltcraftClient
    from altcraft_async.monitor import Monitor

    monitor = Monitor()
    watched = AltcraftClient("https://example.com", "token", observer=monitor)
    app = web.Application()
    monitor.setup(app)
    ```
    """

    def __init__(
        self,
        *,
        also: Observer | None = None,
        name_of: Callable[[TaskKind, Target], str | None] | None = None,
        history: CounterHistory | None = None,
        interval: float = 1.0,
    ) -> None:
        """Begin with nothing seen.

        Args:
            also: Another observer, which is told the same.
            name_of: Returns the name of a target for the page, ``None`` where it has none.
            history: Shown as well, for example the one to which this program appends; you
                close it.
            interval: Seconds between two updates of a page.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        super().__init__("clients of this program", interval=interval, history=history)
        self._also = also or Observer()
        self._name_of = name_of
        self._running: dict[ObservedTask, None] = {}  # in the order of the first waiters
        self._totals: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._polls = self._ended = self._polls_of_ended = self._outages = 0
        self._poll_delay = 0.0
        self._latenesses: deque[float] = deque(maxlen=1000)
        self._arrived: deque[tuple[float, ObservedTask]] = deque(maxlen=views.SHOWN)
        self._failed: deque[_Failed] = deque(maxlen=views.SHOWN)
        self._outage: tuple[float, str] | None = None

    def polled(self, task: ObservedTask, poll: PollEvent) -> None:
        """Count the poll."""
        self._polls += 1
        if poll.late > self._poll_delay:  # noqa: PLR1730 -- `max` takes longer
            self._poll_delay = poll.late
        if poll.error is not None:
            self._note_fault("failed polls", poll.error)
        self._also.polled(task, poll)

    def started(self, task: ObservedTask) -> None:
        """Count the start."""
        self._totals["started"] += 1
        self._also.started(task)

    def attached(self, task: ObservedTask) -> None:
        """Count the handle."""
        self._totals["attached"] += 1
        self._also.attached(task)

    def joined(self, task: ObservedTask) -> None:
        """Count the start that sent nothing."""
        self._totals["joined"] += 1
        self._also.joined(task)

    def watched(self, task: ObservedTask) -> None:
        """Show the task."""
        self._running[task] = None
        self._also.watched(task)

    def unwatched(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """Show the task no more, as it is not polled."""
        self._running.pop(task, None)
        if error is not None and not isinstance(error, ClientClosedError):
            self._note_failure(task.ref.kind, task.ref.target, error)
        self._also.unwatched(task, error)

    def ended(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """Keep how it ended."""
        self._running.pop(task, None)
        self._ended += 1
        self._polls_of_ended += task.polls
        if task.lateness is not None:
            self._latenesses.append(task.lateness)
        if error is None:
            self._totals["completed"] += 1
            self._arrived.appendleft((time.time(), task))
        else:
            self._note_failure(task.ref.kind, task.ref.target, error)
        self._also.ended(task, error)

    def start_failed(self, kind: TaskKind, target: tuple[int, ...], error: AltcraftError) -> None:
        """Keep why."""
        self._note_failure(kind, target, error)
        self._also.start_failed(kind, target, error)

    def retried(self, method: str, error: AltcraftError) -> None:
        """Count the request."""
        self._note_fault("retries", error)
        self._also.retried(method, error)

    def outage_began(self, error: AltcraftError) -> None:
        """Show since when, and why."""
        self._outages += 1
        self._totals["outages"] += 1
        self._outage = self._outage or (time.time(), str(error))
        self._also.outage_began(error)

    def outage_ended(self, seconds: float, requests: int) -> None:
        """Show it no more, unless another client still has one."""
        self._outages -= 1
        self._outage = self._outage if self._outages else None
        self._also.outage_ended(seconds, requests)

    async def view(self) -> views.View:
        """Return what is so now."""
        return views.View(
            self._summary(),
            [self._row(task) for task in islice(self._running, views.SHOWN)],
            [self._arrival(at, task) for at, task in self._arrived],
            [views.Failure(at, self._what(*who), *why) for at, who, why in self._failed],
        )

    def _summary(self) -> views.Summary:
        bins = [0] * 10
        for task in self._running:
            bins[min(9, max(0, (task.progress or 0) // 10))] += 1
        delay, self._poll_delay = self._poll_delay, 0.0
        known = sorted(self._latenesses)
        return views.Summary(
            source=self.source,
            at=time.time(),
            running=len(self._running),
            bins=bins,
            totals={**self._totals, "polls": self._polls},
            reasons=dict(self._reasons.most_common()),
            outage=self._outage,
            poll_delay=delay,
            lateness=[known[int((len(known) - 1) * share)] for share in (0.5, 0.95) if known],
            polls_per_task=self._polls_of_ended / self._ended if self._ended else None,
        )

    def _what(self, kind: TaskKind, target: Target) -> views.What:
        return views.What(kind, target, self._name_of and self._name_of(kind, target))

    def _row(self, task: ObservedTask) -> views.Running:
        ref, progress, ends = task.ref, task.progress, None
        since = None if ref.started_at is None else ref.started_at.timestamp()
        if since is not None and progress is not None and progress > 0:
            ends = since + task.seconds * 100 / (progress + 0.5)  # as `TaskHandle.eta`
        seen = task.status, since, progress, ends, task.polls, task.faults, task.waiters
        return views.Running(self._what(ref.kind, ref.target), *seen)

    def _arrival(self, at: float, task: ObservedTask) -> views.Arrival:
        ref = task.ref
        seconds = None if ref.started_at is None else task.seconds
        what, channels = self._what(ref.kind, ref.target), views.channels_of(task.result)
        return views.Arrival(at, what, seconds, task.polls, task.lateness, channels)

    def _note_fault(self, what: str, error: AltcraftError) -> None:
        self._totals[what] += 1
        self._totals["throttled"] += isinstance(error, RateLimitedError)

    def _note_failure(self, kind: TaskKind, target: Target, error: AltcraftError) -> None:
        reason = type(error).__name__
        self._reasons[reason] += 1
        self._failed.appendleft((time.time(), (kind, target), (reason, str(error))))
