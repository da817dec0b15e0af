"""HTTP responses of the web integrations as values: statuses, headers, bodies and events.

Nothing here does I/O or imports a web framework.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote

import msgspec

from altcraft_async.errors import (
    AltcraftError,
    ApiError,
    ClientClosedError,
    ConfigurationError,
    LedgerError,
    NotFoundError,
    PlatformUnavailableError,
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
from altcraft_async.tasks.handle import TaskHandle

__all__ = [
    "PING",
    "STREAM_HEADERS",
    "Answer",
    "ErrorView",
    "ExpiredAddressError",
    "TaskView",
    "TooManyTasksError",
    "WrongAddressError",
    "error_answer",
    "error_event",
    "errors_by_status",
    "parse_task",
    "pending_answer",
    "report_answer",
    "report_event",
    "status_event",
    "status_event_id",
    "stream_event",
    "streamless_answer",
    "task_path",
    "unknown_task",
    "view_of",
]

_NO_STORE: Mapping[str, str] = {"Cache-Control": "no-store"}

STREAM_HEADERS: Mapping[str, str] = {
    **_NO_STORE,
    "Content-Type": "text/event-stream",
    "X-Accel-Buffering": "no",  # nginx would hold events back until it has a page of them
}
"""Headers of a stream of events."""

PING = b": ping\n\n"
"""A comment that keeps proxies from closing a quiet stream."""

_END = "end"
"""Id of a task's last event; a browser that reconnects with it has seen everything."""

_MAX_TASK_LENGTH = 300
"""Task ids of Altcraft's samples have 36 characters, and the target adds at most 60."""

_MIN_RETRY_AFTER, _MAX_RETRY_AFTER = 1, 30
"""Bounds of ``Retry-After``, in seconds."""

_TEMPORARY = (503, 504)


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser sees of a task; the body of every response but errors.

    Attributes:
        task: Id, target and any signature in one word, the last part of the task's path.
        status: As the platform named it; ``None`` before the first poll.
        progress: As the platform sent it.
        eta: Seconds left if the progress stays even.
        report: The counters, once the task has ended.
    """

    task: str
    status: str | None = None
    progress: int | None = None
    eta: float | None = None
    report: CountersReport | None = None


class Answer(msgspec.Struct, frozen=True):
    """A response that a web framework turns into its own class.

    Attributes:
        status: HTTP status.
        body: JSON, or empty.
        headers: All headers except the length.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]


class TooManyTasksError(AltcraftError):
    """Too many tasks that are known from addresses alone are polled at this moment."""


class WrongAddressError(AltcraftError):
    """The signature of an address is missing or wrong, or made for another owner."""


class ExpiredAddressError(AltcraftError):
    """An address was made by this app, and is too old."""


class ErrorView(msgspec.Struct, frozen=True):
    """The body of every error.

    Attributes:
        error: A word for programs.
        message: A sentence for people.
    """

    error: str
    message: str


class _ErrorRow(msgspec.Struct, frozen=True):
    status: int
    code: str
    message: str


# The first match counts. A refusal by the platform is a 5xx, because the browser cannot fix it,
# unless the browser named an id that the platform does not know.
_ERROR_ROWS: tuple[tuple[type[AltcraftError], _ErrorRow], ...] = (
    (NotFoundError, _ErrorRow(404, "not_found", "the platform does not know this id")),
    (RateLimitedError, _ErrorRow(503, "busy", "the platform is busy; try again later")),
    (TooManyTasksError, _ErrorRow(503, "busy", "this service is busy; try again later")),
    (WrongAddressError, _ErrorRow(404, "no_task", "this is not the address of a task of yours")),
    (ExpiredAddressError, _ErrorRow(410, "expired", "this address has expired; start again")),
    (ServerError, _ErrorRow(502, "platform_failed", "the platform failed")),
    (ApiError, _ErrorRow(502, "refused", "the platform refused the request of this service")),
    (
        PlatformUnavailableError,
        _ErrorRow(503, "unavailable", "the platform does not answer; try again later"),
    ),
    (RequestTimeoutError, _ErrorRow(504, "timeout", "the platform took too long to answer")),
    (TransportError, _ErrorRow(502, "unreachable", "the platform gave no complete answer")),
    (ProtocolError, _ErrorRow(502, "unreadable", "the platform's answer cannot be read")),
    (TaskLostError, _ErrorRow(404, "task_lost", "the platform does not know this task")),
    (TaskFailedError, _ErrorRow(502, "task_failed", "the platform reports that the task failed")),
    (PollingError, _ErrorRow(503, "no_news", "the platform does not report on the task")),
    (WaitError, _ErrorRow(504, "not_over", "the task did not end in time; it goes on")),
    (ClientClosedError, _ErrorRow(503, "closing", "this service is shutting down; try again")),
    (
        LedgerError,
        _ErrorRow(503, "no_ledger", "starts cannot be recorded now, so nothing was started"),
    ),
    (
        StartUnknownError,
        _ErrorRow(409, "start_unknown", "an earlier start may be running; check before a new one"),
    ),
    (AltcraftError, _ErrorRow(500, "error", "this service failed")),
)

_BAD_REQUEST = "bad_request"
_MAYBE_STARTED = "the refresh may have started; check before you start again"


def error_answer(error: AltcraftError) -> Answer:
    """Return the response for an error.

    The body has ``error`` for programs and ``message`` for people. Neither quotes the
    platform, except that the text of a wrong value is shown: it names an argument, most
    often an id that the browser sent, and holds no secret. Any other ``ConfigurationError``
    is a mistake of the program, and no business of the browser's.
    """
    if isinstance(error, ConfigurationError) and error.wrong_value:
        return _json(400, ErrorView(_BAD_REQUEST, str(error)))
    row = next(row for kind, row in _ERROR_ROWS if isinstance(error, kind))
    if isinstance(error, (TransportError, ProtocolError, ApiError)) and error.maybe_delivered:
        # No Retry-After: a client that sends the request again may start a second refresh.
        return _json(row.status, ErrorView(row.code, f"{row.message}; {_MAYBE_STARTED}"))
    may_retry = row.status in _TEMPORARY or error.retry_after is not None
    headers = {"Retry-After": _retry_after(error.retry_after)} if may_retry else {}
    return _json(row.status, ErrorView(row.code, row.message), headers)


def errors_by_status() -> dict[int, dict[str, str]]:
    """Return the words and sentences of all errors, by HTTP status."""
    found = {400: {_BAD_REQUEST: "an id is wrong, or the address names no task"}}
    for _, row in _ERROR_ROWS:
        found.setdefault(row.status, {}).setdefault(row.code, row.message)
    return dict(sorted(found.items()))


def report_answer(view: TaskView) -> Answer:
    """Return the response that holds the counters."""
    return _json(200, view)


def pending_answer(view: TaskView, path: str) -> Answer:
    """Return the response that says where and when to ask again."""
    return _json(202, view, {"Location": path, "Retry-After": _retry_after(view.eta)})


def streamless_answer(method: str, last_event_id: str) -> Answer | None:
    """Return the response to a request for events that needs no stream; ``None`` if it does."""
    if last_event_id == _END:
        return Answer(204, b"", {})  # the only status after which a browser does not reconnect
    return Answer(200, b"", STREAM_HEADERS) if method == "HEAD" else None


def view_of(
    handle: TaskHandle[CountersReport], word: str, report: CountersReport | None = None
) -> TaskView:
    """Return what the handle knows of its task, without a request."""
    status, eta = handle.status, handle.eta
    return TaskView(
        task=word,
        status=status.status if status else None,
        progress=status.progress if status else None,
        eta=None if eta is None else round(eta, 1),
        report=report,
    )


def task_path(tasks: str, word: str) -> str:
    """Return the path of a task, in ASCII.

    Args:
        tasks: Path below which tasks are, as text.
        word: Names the task.
    """
    return f"{quote(tasks)}/{quote(word, safe='@:')}"


def unknown_task(ref: TaskRef) -> TaskLostError:
    """Return the error for an address of a task that does not exist, or has another target."""
    return TaskLostError(f"task: {task_word(ref)} is not known to the platform", ref=ref)


def parse_task(word: str) -> TaskRef:
    """Read the task that a browser asks for from the last part of its path.

    Raises:
        ConfigurationError: It is not the ``task`` of a `TaskView`.
    """
    if len(word) <= _MAX_TASK_LENGTH and not word.lstrip().startswith("{"):
        with suppress(ConfigurationError):
            ref = read_task(word)
            if ref.kind != "unknown":
                return ref
    msg = "task: has to be a task id with its target, like 7f9c2ba4@resource:24:1"
    raise ConfigurationError(msg, wrong_value=True)


def status_event_id(view: TaskView) -> str:
    """Return the id of a status event: the same for the same status, in every process."""
    return f"{zlib.crc32(f'{view.status} {view.progress}'.encode()):08x}"


def status_event(view: TaskView) -> bytes:
    """Return the event that holds a new status or progress."""
    return stream_event("status", msgspec.json.encode(view), status_event_id(view))


def report_event(view: TaskView) -> bytes:
    """Return the event that holds the counters, the last one."""
    return stream_event("report", msgspec.json.encode(view), _END)


def error_event(error: AltcraftError) -> bytes:
    """Return the event with which an error ends a stream.

    A temporary error has no id, so that the browser reconnects and goes on.
    """
    answer = error_answer(error)
    if answer.status in _TEMPORARY:
        return stream_event("interrupted", answer.body)
    return stream_event("failed", answer.body, _END)


def stream_event(name: str, data: bytes, event_id: str = "") -> bytes:
    """Return a server-sent event whose data is JSON."""
    # JSON escapes line breaks, so one line of data is enough.
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {name}\ndata: ".encode() + data + b"\n\n"


def _json(status: int, value: object, headers: Mapping[str, str] | None = None) -> Answer:
    kind = {"Content-Type": "application/json"}
    return Answer(status, msgspec.json.encode(value), {**_NO_STORE, **kind, **(headers or {})})


def _retry_after(seconds: float | None) -> str:
    if seconds is None or not math.isfinite(seconds):
        return str(_MIN_RETRY_AFTER)
    return str(max(_MIN_RETRY_AFTER, min(_MAX_RETRY_AFTER, math.ceil(seconds))))
