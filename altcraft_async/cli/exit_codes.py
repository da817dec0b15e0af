"""Exit codes of errors, and hints on what to do next. No I/O."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from altcraft_async.errors import (
    AltcraftError,
    ApiError,
    AuthenticationError,
    ConfigurationError,
    HistoryError,
    LedgerError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    StartUnknownError,
    TaskFailedError,
    TaskLostError,
    TransportError,
    WaitError,
)
from altcraft_async.models import TaskRef
from altcraft_async.models.task_words import task_word

__all__ = [
    "EXIT_CODES",
    "HUNG_UP",
    "INTERRUPTED",
    "MOVED",
    "NO_MATCH",
    "PIPE_CLOSED",
    "TERMINATED",
    "UNEXPECTED",
    "USAGE",
    "code_of",
    "hint_of",
    "result_hint",
    "wait_hint",
]

T = TypeVar("T")

UNEXPECTED = 1
USAGE = 2
NO_MATCH = 9
MOVED = 10
HUNG_UP = 129  # 128 + SIGHUP, as in shells
INTERRUPTED = 130  # 128 + SIGINT
PIPE_CLOSED = 141  # 128 + SIGPIPE
TERMINATED = 143  # 128 + SIGTERM


class ExitCode(NamedTuple):
    """One exit code.

    Attributes:
        code: What the shell sees as ``$?``.
        meaning: For the help text.
        errors: Error classes that end with this code.
    """

    code: int
    meaning: str
    errors: tuple[type[AltcraftError], ...] = ()


EXIT_CODES = (
    ExitCode(0, "success"),
    ExitCode(UNEXPECTED, "unexpected error"),
    ExitCode(USAGE, "wrong arguments or settings; nothing was sent", (ConfigurationError,)),
    ExitCode(3, "the platform refused the request", (ApiError,)),
    ExitCode(
        4,
        "the platform refused the token, or the token lacks permission",
        (AuthenticationError, PermissionDeniedError),
    ),
    ExitCode(5, "no complete answer: network, URL or time limit", (TransportError,)),
    ExitCode(6, "the answer did not come from Altcraft", (ProtocolError,)),
    ExitCode(7, "the task failed or is unknown to the platform", (TaskFailedError, TaskLostError)),
    ExitCode(8, "the task was still running when the wait ended", (WaitError,)),
    ExitCode(NO_MATCH, "no resource matches the filter; nothing was started"),
    ExitCode(MOVED, "a counter moved further than --fail-if allows"),
    ExitCode(11, "the history cannot be read or written", (HistoryError,)),
    ExitCode(12, "the ledger of a named run cannot be read or written", (LedgerError,)),
    ExitCode(13, "a start of a named run may have happened before", (StartUnknownError,)),
    ExitCode(HUNG_UP, "stopped because its terminal was closed (SIGHUP)"),
    ExitCode(INTERRUPTED, "stopped by Ctrl-C"),
    ExitCode(PIPE_CLOSED, "stopped because the reader of its output ended: altcraft … | head -1"),
    ExitCode(TERMINATED, "stopped by SIGTERM"),
)
"""All exit codes; the help shows this table."""

_CODES = {error: row.code for row in EXIT_CODES for error in row.errors}

_MAYBE_DELIVERED = "the task may have started anyway: check the counters before starting another"

_HINTS: Mapping[type[AltcraftError], str] = {
    AuthenticationError: "check ALTCRAFT_TOKEN: it may be wrong, revoked, or of another install",
    PermissionDeniedError: "check the role and object groups of the token",
    NotFoundError: "check the ids, and that ALTCRAFT_URL is the right install",
    RateLimitedError: "wait a little, then try again",
    TransportError: "check ALTCRAFT_URL and the network, then try again",
    ProtocolError: "check ALTCRAFT_URL: it has to be the platform itself, not a sign-in page",
    LedgerError: "give another file with --ledger, or mend this one",
    HistoryError: "give another file with --history, or mend this one",
    TaskFailedError: "start it again once the cause is fixed",
    TaskLostError: "check the task id; if the task has expired, start it again",
}

# The first word of a ConfigurationError names the argument.
_ARGUMENT_HINTS: Mapping[str, str] = {
    "ALTCRAFT_URL": "to set it: export ALTCRAFT_URL=https://altcraft.example.com",
    "ALTCRAFT_TOKEN": "to set it: export ALTCRAFT_TOKEN=…  (or, without showing it:"
    " read -rs ALTCRAFT_TOKEN && export ALTCRAFT_TOKEN)",
    "ALTCRAFT_FORMAT": "to set it: export ALTCRAFT_FORMAT=json",
    "duration": "give the shortest first: --duration 0.5 5",
    "port": "choose another one; --port 0 finds a free one",
    "stored": 'give a task id, or the "task" value that --json printed',
}


def code_of(error: AltcraftError) -> int:
    """Return the exit code of an error."""
    from altcraft_async.protocol.endpoints import TASK_STATUS  # noqa: PLC0415 -- no help needs it

    if isinstance(error, NotFoundError) and error.path == TASK_STATUS.path:
        return _CODES[TaskLostError]  # the same, whether a task is polled once or waited for
    return _nearest(_CODES, error, UNEXPECTED)


def hint_of(error: AltcraftError) -> str | None:
    """Return what to do next, if the table has advice."""
    if isinstance(error, WaitError):
        return wait_hint(error.ref)
    if isinstance(error, (TransportError, ProtocolError, ApiError)) and error.maybe_delivered:
        return _MAYBE_DELIVERED
    if isinstance(error, ConfigurationError):
        return _ARGUMENT_HINTS.get(str(error).partition(":")[0])
    return _nearest(_HINTS, error, None)


def wait_hint(*refs: TaskRef) -> str:
    """Return the command that waits for tasks that go on at the platform."""
    going_on = "the task goes on" if len(refs) == 1 else "the tasks go on"
    return f"{going_on}; {_way_back(*refs)}"


def result_hint(ref: TaskRef) -> str:
    """Return the command that prints the result of a task once more."""
    return f"the task is over; {_way_back(ref)}"


def _way_back(*refs: TaskRef) -> str:
    # Quoted, since people paste this into a shell and the server chose the ids.
    tasks = " ".join(shlex.quote(task_word(ref)) for ref in refs)
    return f"to come back: altcraft task wait {tasks}"


def _nearest(table: Mapping[type[AltcraftError], T], error: AltcraftError, default: T) -> T:
    """Return the entry of the error's nearest class."""
    return next((table[kind] for kind in type(error).__mro__ if kind in table), default)
