"""`Observer`, which a client tells what it does, and the log records of this library."""

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
# A library prints no records unless the program sets up logging.
logger.addHandler(logging.NullHandler())


class PollEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One poll.

    Attributes:
        status: Name of the status as sent; ``None`` where the poll failed.
        progress: Percent as sent; ``None`` where there is none.
        error: Why it failed; ``None`` where it was answered.
        seconds: From sending the request to reading the answer.
        late: Seconds from the planned time to the sending: a hundredth at most,
            or the wait for the rate limiter and for other polls.
    """

    status: str | None = None
    progress: int | None = None
    error: AltcraftError | None = None
    seconds: float
    late: float


class ObservedTask:
    """The task of one handle; compares by identity, and can be a weak key.

    Attributes:
        ref: The task.
        polls: Polls made, failed ones included.
        faults: Polls that failed.
        seconds: From its start, where that is known, to the newest event.
        status: Name of the newest status; ``None`` before the first.
        progress: Percent as sent by the newest answer; ``None`` where there is none.
        waiters: Awaiters, iterators and callbacks that it has.
        result: What it brought, for a refresh a ``CountersReport``; ``None`` while it
            runs, and for a task that ended with an error.
        lateness: Seconds at most from its end to our knowing: those from the last
            poll that found it running, or from its start, to the poll that found
            it over. ``None`` while it runs, and for a task that was started
            elsewhere and was over at the first poll.
    """

    __slots__ = (
        "__weakref__",
        "faults",
        "lateness",
        "polls",
        "progress",
        "ref",
        "result",
        "seconds",
        "status",
        "waiters",
    )

    def __init__(self, ref: TaskRef) -> None:
        """Begin without polls."""
        self.ref = ref
        self.polls = self.faults = self.waiters = 0
        self.seconds = 0.0
        self.status: str | None = None
        self.progress: int | None = None
        self.result: object = None
        self.lateness: float | None = None


class Observer:
    """A client calls its methods for each event of a task; override those you want.

    Give one to a client as ``observer=``. The client calls the methods in the
    event loop, so they have to be quick and must not block. If one raises, the
    client logs its first error and goes on. Later versions may add methods,
    which do nothing unless overridden.

    `started`, `attached`, `joined`, `watched`, `start_failed` and `retried` run
    in the context of the caller, with its context variables, such as the
    current span. The others may run in an empty context.

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
        """The platform has answered a start of this client with the id of its task."""

    def start_failed(self, kind: TaskKind, target: tuple[int, ...], error: AltcraftError) -> None:
        """A start has failed for good; ``error.maybe_delivered`` says whether it may run anyway."""

    def attached(self, task: ObservedTask) -> None:
        """A handle was made for a task that was started elsewhere."""

    def joined(self, task: ObservedTask) -> None:
        """A start has joined a running task of this client."""

    def watched(self, task: ObservedTask) -> None:
        """The task has a waiter now and had none before."""

    def polled(self, task: ObservedTask, poll: PollEvent) -> None:
        """A poll was answered or failed."""

    def unwatched(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """The task has no waiter any more, and is not known to be over.

        `error` ended the last wait, for example a ``WaitTimeoutError``;
        ``None`` where the wait was cancelled.
        """

    def ended(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """The task is over, with a result or with an error."""

    def retried(self, method: str, error: AltcraftError) -> None:
        """A request has failed and is sent again; polls are told by `polled`."""

    def outage_began(self, error: AltcraftError) -> None:
        """Learn that the platform does not answer any more, and how the newest request failed."""

    def outage_ended(self, seconds: float, requests: int) -> None:
        """Learn that the platform answers again, after how long and how many lost requests."""


class Notifier:
    """Calls an observer and logs the first error that it raises."""

    def __init__(self, observer: Observer) -> None:
        """Begin without an error."""
        self.observer = observer
        self._warned = False

    def notify(self, method: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call one of its methods."""
        try:
            method(*args, **kwargs)
        except Exception:  # the observer is the user's code, and the tasks go on
            if not self._warned:
                self._warned = True
                fields = {"altcraft_event": getattr(method, "__name__", "")}
                logger.exception(
                    "this observer failed; further errors are not logged", extra=fields
                )


def about(ref: TaskRef) -> dict[str, object]:
    """Return the fields of a log record about a task, for ``extra``."""
    return {
        "altcraft_task_id": ref.task_id,
        "altcraft_kind": ref.kind,
        "altcraft_target": ref.target,
    }
