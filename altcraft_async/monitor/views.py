"""What the page is sent: values that are written as JSON. No I/O.

A view has parts, and each is an event of its own, so that a part without a change is
not sent again. Times are seconds since 1970, so that a part does not change by aging.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from altcraft_async.models import CountersReport, TaskKind

__all__ = [
    "SHOWN",
    "Arrival",
    "Failure",
    "Line",
    "Lines",
    "Running",
    "Summary",
    "View",
    "What",
    "channels_of",
]

SHOWN = 100
"""Rows of a part at most; the summary counts all."""

_CHANNELS = 12  # of one report


class What(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is refreshed, and its name where that is known."""

    kind: TaskKind
    target: tuple[int, ...] | None = None
    name: str | None = None


class Running(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task that runs, or a start under way; `ends` is where even progress leads."""

    what: What
    status: str | None = None
    since: float | None = None
    progress: int | None = None
    ends: float | None = None
    polls: int | None = None
    faults: int = 0
    waiters: int | None = None
    worker: str | None = None


class Arrival(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task that is over, and the counters that were sent, by channel."""

    at: float
    what: What
    seconds: float | None = None
    polls: int | None = None
    lateness: float | None = None
    channels: Sequence[tuple[str, Mapping[str, int]]] = ()


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A start, task or wait that failed."""

    at: float
    what: What
    reason: str
    text: str
    worker: str | None = None


class Summary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Numbers over everything.

    Attributes:
        running: Tasks that run; those of a client have a waiter.
        bins: How many of them have 0 to 9 percent, 10 to 19, and so on to 90 to 100.
        totals: What only grows, so that the page shows it by the second too.
        reasons: Failures by reason.
        outage: Since when the platform does not answer, and why it is thought so.
        poll_delay: Seconds by which a poll was late at most since the summary before.
        lateness: Median of the last thousand tasks, and what 95 of 100 are below.
        problem: Why there is nothing new to show.
        past: Whether only a history is shown.
        workers: Of a fleet, those that have just reported.
    """

    source: str
    at: float
    running: int = 0
    bins: Sequence[int] = ()
    totals: Mapping[str, int] = {}
    reasons: Mapping[str, int] = {}
    outage: tuple[float, str] | None = None
    poll_delay: float = 0.0
    lateness: Sequence[float] = ()
    polls_per_task: float | None = None
    problem: str | None = None
    past: bool = False
    workers: int | None = None


class Line(msgspec.Struct, frozen=True):
    """The last counts of subscribers in a series of a history: when, and how many."""

    what: What
    channel: str
    points: Sequence[tuple[float, int | None]]


class Lines(msgspec.Struct, frozen=True, omit_defaults=True):
    """The largest series of a history, and why there are no new counts."""

    lines: Sequence[Line]
    problem: str | None = None


class View(msgspec.Struct, frozen=True):
    """All that the page shows; the newest come first, of `running` the oldest."""

    summary: Summary
    running: Sequence[Running] = ()
    arrived: Sequence[Arrival] = ()
    failed: Sequence[Failure] = ()


def channels_of(result: object) -> list[tuple[str, dict[str, int]]]:
    """Return the counters of a report by channel, the first of many; none of another result."""
    groups = result.groups if isinstance(result, CountersReport) else ()
    channels = [channel for group in groups for channel in group.channels.items()]
    return [
        (name, {word: n for word, n in msgspec.structs.asdict(counters).items() if n is not None})
        for name, counters in channels[:_CHANNELS]
    ]
