"""What the workers of a fleet report, and the one view that it makes. No I/O.

A report has all that runs, and of what ended only what is new, as a reader keeps the rest.
"""

from __future__ import annotations

from collections import Counter, deque
from heapq import nsmallest

import msgspec

from altcraft_async.monitor.views import SHOWN, Arrival, Failure, Summary, View

__all__ = ["MAX_WORKERS", "Fleet", "Report", "news"]

NEWS = 30
"""Tasks that ended, and as many failures, in one report at most: the newest."""

MAX_WORKERS = 1000
"""Workers of which the numbers are kept one by one; those of older ones are only summed."""

GONE_MS = 15_000
"""After which a worker without a report counts as gone, and its tasks as nobody's."""

_IDLE_SECONDS = 5.0  # between two reports without news, which say that the worker lives


class Report(msgspec.Struct, frozen=True):
    """A view of one worker: `id` is its own, and `worker` is what people call it."""

    id: str
    worker: str
    view: View


def news(view: View, sent: View | None) -> View | None:
    """Return what is to be reported after the view that was sent last; ``None`` if nothing is."""
    if sent is None:
        return msgspec.structs.replace(view, arrived=view.arrived[:NEWS], failed=view.failed[:NEWS])
    since, summary = sent.summary.at, view.summary
    is_same = (summary.totals, summary.outage) == (sent.summary.totals, sent.summary.outage)
    if is_same and not view.running and not sent.running and summary.at < since + _IDLE_SECONDS:
        return None
    arrived = [one for one in view.arrived[:NEWS] if one.at > since]
    failed = [one for one in view.failed[:NEWS] if one.at > since]
    return View(summary, view.running, arrived, failed)


class Fleet:
    """What a reader knows of all workers."""

    def __init__(self) -> None:
        """Begin without any."""
        self._newest: dict[str, tuple[int, Report]] = {}  # by id, with the time of Redis in ms
        self._totals, self._reasons = Counter[str](), Counter[str]()  # of those not kept
        self._arrived: deque[Arrival] = deque(maxlen=SHOWN)
        self._failed: deque[Failure] = deque(maxlen=SHOWN)

    def add(self, at_ms: int, report: Report) -> None:
        """Take a report; they come in their order."""
        self._newest.pop(report.id, None)
        self._newest[report.id] = at_ms, report
        self._arrived.extendleft(reversed(report.view.arrived))
        for one in reversed(report.view.failed):
            self._failed.appendleft(msgspec.structs.replace(one, worker=report.worker))
        if len(self._newest) > MAX_WORKERS:
            _, oldest = self._newest.pop(next(iter(self._newest)))
            self._totals.update(oldest.view.summary.totals)
            self._reasons.update(oldest.view.summary.reasons)

    def view(self, source: str, at_ms: int) -> View:
        """Return what is so at this time of Redis."""
        live = [one for at, one in self._newest.values() if at > at_ms - GONE_MS]
        running = ((row, one.worker) for one in live for row in one.view.running)
        oldest = nsmallest(SHOWN, running, key=lambda pair: pair[0].since or 0.0)
        return View(
            self._summary(source, at_ms / 1000, [one.view.summary for one in live]),
            [msgspec.structs.replace(row, worker=worker) for row, worker in oldest],
            list(self._arrived),
            list(self._failed),
        )

    def _summary(self, source: str, at: float, live: list[Summary]) -> Summary:
        totals, reasons = self._totals.copy(), self._reasons.copy()
        for _, report in self._newest.values():
            totals.update(report.view.summary.totals)
            reasons.update(report.view.summary.reasons)
        late = [one.lateness for one in live if one.lateness]
        outages = [one.outage for one in live if one.outage]
        return Summary(
            source=source,
            at=at,
            workers=len(live),
            running=sum(one.running for one in live),
            bins=[sum(counts) for counts in zip(*(one.bins for one in live), strict=False)],
            totals=totals,
            reasons=dict(reasons.most_common()),
            outage=min(outages, default=None),
            poll_delay=max((one.poll_delay for one in live), default=0.0),
            lateness=[max(seconds) for seconds in zip(*late, strict=False)],
            polls_per_task=max((one.polls_per_task or 0.0 for one in live), default=0.0) or None,
        )
