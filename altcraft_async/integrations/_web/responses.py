"""What a visitor of a web app is answered, as values: statuses, bodies, events. No I/O."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from altcraft_async.errors import (
    AltcraftError,
    ApiError,
    ClientClosedError,
    ConfigurationError,
    LedgerError,
    NotFoundError,
    PollingError,
    ProtocolError,
    RateLimitedError,
    RequestTimeoutError,
    ServerError,
    StartUnknownError,
    TaskFailedError,
    TaskLostError,
    TransportError,
    WaitError,
)
from altcraft_async.models import CountersReport, TaskRef
from altcraft_async.models.task_words import read_task, task_word
from altcraft_async.models.validation import checked_text
from altcraft_async.tasks.handle import TaskHandle

__all__ = [
    "END",
    "EVENT_STREAM",
    "PING",
    "Answer",
    "Shown",
    "asked_task",
    "ended",
    "failed",
    "finished",
    "moved",
    "moved_id",
    "refused",
    "shown",
    "task_path",
    "underway",
]

NO_STORE: Mapping[str, str] = {"Cache-Control": "no-store"}

EVENT_STREAM: Mapping[str, str] = {
    **NO_STORE,
    "Content-Type": "text/event-stream",
    "X-Accel-Buffering": "no",  # nginx would keep events until it has a page of them
}
"""Headers of a stream of events."""

PING = b": ping\n\n"
"""A comment, which keeps proxies from taking a quiet stream for a dead one."""

END = "end"
"""Id of the last event of a task: who reconnects with it has seen all there is."""

LONGEST_WORD = 300
"""An id of Altcraft's samples has 36 characters, and what a task counts at most 60 more."""

SOONEST, LATEST = 1, 30
"""Seconds after which to ask again, at least and at most."""

_TEMPORARY = (503, 504)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a visitor sees of a task; the body of every answer that is no error.

    Attributes:
        task: The task in one word, as the address to ask at ends.
        status: As the platform named it; ``None`` before the first poll.
        progress: As the platform sent it.
        eta: Seconds left if the progress stays even.
        report: The counters, once there are any.
    """

    task: str
    status: str | None = None
    progress: int | None = None
    eta: float | None = None
    report: CountersReport | None = None


class Answer(msgspec.Struct, frozen=True):
    """An answer before a framework puts it into its own words.

    Attributes:
        status: HTTP status.
        body: JSON.
        headers: All there are but the length.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]


class _Row(msgspec.Struct, frozen=True):
    status: int
    code: str
    message: str


_UNREACHABLE = "the platform gave no complete answer"
_REFUSED = "the platform refused, which this service has to mend"

# The first that fits counts. What the platform holds against us is not the visitor's fault, so it
# is a 5xx, unless it does not know what the visitor named.
_ROWS: tuple[tuple[type[AltcraftError], _Row], ...] = (
    (NotFoundError, _Row(404, "not_found", "the platform knows nothing of this id")),
    (RateLimitedError, _Row(503, "busy", "the platform asks for fewer requests; try again later")),
    (ServerError, _Row(502, "platform_failed", "the platform failed")),
    (ApiError, _Row(502, "refused", _REFUSED)),
    (RequestTimeoutError, _Row(504, "timeout", "the platform took too long to answer")),
    (TransportError, _Row(502, "unreachable", _UNREACHABLE)),
    (ProtocolError, _Row(502, "unreadable", "the platform's answer cannot be used")),
    (TaskLostError, _Row(404, "task_lost", "the platform does not know this task; start again")),
    (TaskFailedError, _Row(502, "task_failed", "the platform says that the task failed")),
    (PollingError, _Row(503, "no_news", "the platform does not say how far the task is")),
    (WaitError, _Row(504, "not_over", "the task was not over in time, and goes on")),
    (ClientClosedError, _Row(503, "closing", "this service is shutting down; ask again")),
    (
        LedgerError,
        _Row(503, "no_ledger", "starts cannot be noted now, so nothing was started"),
    ),
    (StartUnknownError, _Row(409, "start_unknown", "an earlier start may be running; poll first")),
    (AltcraftError, _Row(500, "error", "this service could not do it")),
)

_MAYBE = "it may have been started all the same, so poll before you start again"


def refused(error: AltcraftError) -> Answer:
    """Return the answer to whoever asked for what ended in this error.

    The body has a ``error`` for programs and a ``message`` for people. Both are
    ours: what the platform said goes to the log, not to visitors. Only a
    ``ConfigurationError`` speaks for itself, since most often it is about an id
    of the visitor's, and never about a secret.
    """
    if isinstance(error, ConfigurationError):
        return _json(400, {"error": "bad_request", "message": str(error)})
    row = next(row for kind, row in _ROWS if isinstance(error, kind))
    if getattr(error, "maybe_delivered", False):
        # Without a Retry-After, as asking again may start it twice.
        return _json(row.status, {"error": row.code, "message": f"{row.message}; {_MAYBE}"})
    asked: float | None = getattr(error, "retry_after", None)
    again = row.status in _TEMPORARY or asked is not None
    headers = {"Retry-After": _seconds(asked)} if again else {}
    return _json(row.status, {"error": row.code, "message": row.message}, headers)


def finished(shown: Shown) -> Answer:
    """Return the answer that holds the counters."""
    return _json(200, shown)


def underway(shown: Shown, path: str) -> Answer:
    """Return the answer that says where to ask again, and when."""
    return _json(202, shown, {"Location": path, "Retry-After": _seconds(shown.eta)})


def shown(handle: TaskHandle[CountersReport], report: CountersReport | None = None) -> Shown:
    """Return what is known of a task, without asking anybody."""
    status, eta = handle.status, handle.eta
    return Shown(
        task=task_word(handle.ref),
        status=status.status if status else None,
        progress=status.progress if status else None,
        eta=None if eta is None else round(eta, 1),
        report=report,
    )


def task_path(tasks: str, ref: TaskRef) -> str:
    """Return the path at which a visitor picks a task up, in ASCII.

    Args:
        tasks: Path below which tasks are, as text.
        ref: The task.
    """
    return f"{quote(tasks)}/{quote(task_word(ref), safe='@:')}"


def asked_task(word: str) -> TaskRef:
    """Read which task a visitor asks for; nothing in it is trusted.

    Raises:
        ConfigurationError: It is not what an answer of ours has as ``task``.
    """
    if len(word) <= LONGEST_WORD and not word.lstrip().startswith("{"):
        ref = read_task(word)
        if ref.kind != "unknown":
            checked_text("task", ref.task_id)
            return ref
    msg = "task: has to be an id with what it counts, like 7f9c2ba4@resource:24:1"
    raise ConfigurationError(msg)


def moved_id(shown: Shown) -> str:
    """Return the id of an event: the same for the same news, in every process."""
    return f"{zlib.crc32(f'{shown.status} {shown.progress}'.encode()):08x}"


def moved(shown: Shown) -> bytes:
    """Return the event that says how far a task is."""
    return _event("status", msgspec.json.encode(shown), moved_id(shown))


def ended(shown: Shown) -> bytes:
    """Return the event that holds the counters, the last one."""
    return _event("report", msgspec.json.encode(shown), END)


def failed(error: AltcraftError) -> bytes:
    """Return the event after which nothing comes because of an error.

    ``interrupted`` has no id: the browser reconnects by itself, and goes on.
    """
    answer = refused(error)
    if answer.status in _TEMPORARY:
        return _event("interrupted", answer.body)
    return _event("failed", answer.body, END)


def _event(name: str, data: bytes, event_id: str = "") -> bytes:
    # JSON has no line breaks of its own, so that one line of data is enough.
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {name}\ndata: ".encode() + data + b"\n\n"


def _json(status: int, value: object, headers: Mapping[str, str] | None = None) -> Answer:
    kind = {"Content-Type": "application/json"}
    return Answer(status, msgspec.json.encode(value), {**NO_STORE, **kind, **(headers or {})})


def _seconds(wanted: float | None) -> str:
    if wanted is None or not math.isfinite(wanted):
        return str(SOONEST)
    return str(max(SOONEST, min(LATEST, math.ceil(wanted))))
