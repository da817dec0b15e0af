"""How a client tells what it does: an `Observer`, and log records."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ParamSpec

import msgspec

from altcraft_async.errors import AltcraftError
from altcraft_async.models import TaskKind, TaskRef

__all__ = ["Notifier", "ObservedTask", "Observer", "PollEvent", "about", "logger"]

P = ParamSpec("P")

logger = logging.getLogger("altcraft_async")
# As a library, say nothing unless the program asks for it.
logger.addHandler(logging.NullHandler())


class PollEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One poll a task.

    Attributes:
        status: Name of the status as sent; ``None`` where the poll failed.
        progress: Percent as sent; ``None`` where there is none.
        error: Why it failed; ``None`` where it was answered.
        seconds: What it took, from sending to reading.
        late: Seconds by which it began after it was planned: a hundredth at
            most, or what it waited for the rate limit and for other polls.
    """

    status: str | None = None
    progress: int | None = None
    error: AltcraftError | None = None
    seconds: float
    late: float


class ObservedTask:
    """A task as one handle follows it; compares by identity, and can be a weak key.

    Attributes:
        ref: The task.
        polls: Polls made, failed ones included.
        faults: Polls that failed.
        seconds: From its start, as far as that is known, to the newest event.
        status: Name of the newest status; ``None`` before the first.
        lateness: At most so many seconds passed from its end to our knowing:
            those between the last poll that found it running, or its start,
            and the one that found it over. ``None`` while it runs, and where
            a task started elsewhere was over at the first poll.
    """

    __slots__ = ("__weakref__", "faults", "lateness", "polls", "ref", "seconds", "status")

    def __init__(self, ref: TaskRef) -> None:
        """Know no more than which task it is."""
        self.ref = ref
        self.polls = self.faults = 0
        self.seconds = 0.0
        self.status: str | None = None
        self.lateness: float | None = None


class Observer:
    """Told of everything that happens to tasks; override what you want to hear of.

    Give one to a client as ``observer=``. Its methods are called in the event
    loop, one after the other, so they have to be quick and may not block. One
    that raises is logged, once a client, and changes nothing. Methods are
    added in later versions, and do nothing unless overridden.

    `started`, `attached`, `joined`, `watched`, `start_failed` and `repeated` run
    in the context of whoever made the call, so that context variables, such as
    the current span, are theirs; the others may run in an empty one.

    ```python
    from altcraft_async import AltcraftClient, ObservedTask, Observer

    class Slow(Observer):
        def ended(self, task: ObservedTask, error: Exception | None) -> None:
            if task.seconds > 60:
                print(f"{task.ref.task_id} took {task.seconds:.0f} s")

    observed = AltcraftClient("https://example.com", "token", observer=Slow())
    ```
    """

    def started(self, task: ObservedTask) -> None:
        """Learn that this client has started a task: the platform has answered with its id."""

    def start_failed(self, kind: TaskKind, target: tuple[int, ...], error: AltcraftError) -> None:
        """Learn that a start failed for good; its error says whether it may run all the same."""

    def attached(self, task: ObservedTask) -> None:
        """Learn that a handle was made on a task that was started elsewhere."""

    def joined(self, task: ObservedTask) -> None:
        """Learn that a refresh was asked for whose task this client has running already."""

    def watched(self, task: ObservedTask) -> None:
        """Learn that somebody waits for the task now, or has a callback, where nobody did."""

    def polled(self, task: ObservedTask, poll: PollEvent) -> None:
        """Learn of one poll."""

    def unwatched(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """Learn that nobody waits for the task any more, though it is not known to be over.

        `error` is why the last wait ended, for example with a
        ``WaitTimeoutError``; ``None`` where it was cancelled.
        """

    def ended(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """Learn that the task is over: with a result, or with an error."""

    def retried(self, method: str, error: AltcraftError) -> None:
        """Learn that a request, of any API method but for polls, has failed and is sent again."""

    def outage_began(self, error: AltcraftError) -> None:
        """Learn that the platform does not answer any more, and how the newest request failed."""

    def outage_ended(self, seconds: float, requests: int) -> None:
        """Learn that the platform answers again, after how long and how many lost requests."""


class Notifier:
    """Tells an observer, and survives what it raises."""

    def __init__(self, observer: Observer) -> None:
        """Trust it until it fails."""
        self.observer = observer
        self._warned = False

    def notify(self, method: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call one of its methods."""
        try:
            method(*args, **kwargs)
        except Exception:  # it is the user's code, and the tasks go on without it
            if not self._warned:
                self._warned = True
                fields = {"altcraft_event": getattr(method, "__name__", "")}
                logger.exception("this observer fails, which is said only once", extra=fields)


def about(ref: TaskRef) -> dict[str, object]:
    """Return the fields of a log record on a task, for ``extra``."""
    return {
        "altcraft_task_id": ref.task_id,
        "altcraft_kind": ref.kind,
        "altcraft_target": ref.target,
    }
