"""From an error to an exit code and to what to do next: tables, no I/O."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import NamedTuple

from altcraft_async import (
    AltcraftError,
    ApiError,
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    TaskFailedError,
    TaskLostError,
    TaskRef,
    TransportError,
    WaitError,
)
from altcraft_async.models.task_words import task_word

__all__ = [
    "EXITS",
    "INTERRUPTED",
    "TERMINATED",
    "UNEXPECTED",
    "USAGE",
    "code_of",
    "hint_of",
    "way_back",
]

UNEXPECTED = 1
USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
TERMINATED = 143  # 128 + SIGTERM


class Exit(NamedTuple):
    """One exit code.

    Attributes:
        code: What the shell sees as ``$?``.
        meaning: For the help text.
        errors: Which errors end with it.
    """

    code: int
    meaning: str
    errors: tuple[type[AltcraftError], ...] = ()


EXITS = (
    Exit(0, "all went well"),
    Exit(UNEXPECTED, "something unexpected"),
    Exit(USAGE, "wrong arguments or settings; nothing was sent", (ConfigurationError,)),
    Exit(3, "the platform refused", (ApiError,)),
    Exit(
        4,
        "the platform does not accept the token, or not for this",
        (AuthenticationError, PermissionDeniedError),
    ),
    Exit(5, "no complete answer: network, address or time", (TransportError,)),
    Exit(6, "the answer was not Altcraft's", (ProtocolError,)),
    Exit(7, "the task failed, or is unknown to the platform", (TaskFailedError, TaskLostError)),
    Exit(8, "the wait ended before the task did", (WaitError,)),
    Exit(INTERRUPTED, "stopped by Ctrl-C"),
    Exit(TERMINATED, "stopped by SIGTERM"),
)
"""Every exit code there is; the help shows this table."""

_CODES = {error: row.code for row in EXITS for error in row.errors}

_MAYBE_DELIVERED = "it may have started all the same: poll the counters before starting again"

_HINTS: Mapping[type[AltcraftError], str] = {
    AuthenticationError: "check ALTCRAFT_TOKEN: it may be wrong, revoked, or of another install",
    PermissionDeniedError: "the role and object groups of this token have to cover it",
    NotFoundError: "check the ids, and that ALTCRAFT_URL is the right install",
    RateLimitedError: "wait a little, then try again",
    TransportError: "check ALTCRAFT_URL and the network, then try again",
    ProtocolError: "check ALTCRAFT_URL: it has to be the platform itself, not a sign-in page",
    TaskFailedError: "start it again if the cause is gone",
    TaskLostError: "check the task id; an old one may have expired, then start again",
}

# The first word of a ConfigurationError names the argument.
_ARGUMENT_HINTS: Mapping[str, str] = {
    "ALTCRAFT_URL": "to set it: export ALTCRAFT_URL=https://altcraft.example.com",
    "ALTCRAFT_TOKEN": "to set it: export ALTCRAFT_TOKEN=…  (or, unseen: read -rs ALTCRAFT_TOKEN"
    " && export ALTCRAFT_TOKEN)",
    "ALTCRAFT_FORMAT": "to set it: export ALTCRAFT_FORMAT=json",
    "base_url": "it is read from ALTCRAFT_URL",
    "token": "it is read from ALTCRAFT_TOKEN",
    "duration": "give the shortest first: --duration 0.5 5",
    "port": "take another one; --port 0 finds one that is free",
    "stored": 'give a task id, or the "task" of what --json printed',
}


def code_of(error: AltcraftError) -> int:
    """Return the exit code of an error: that of its nearest class in the table."""
    codes = (_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
    return next(codes, UNEXPECTED)


def hint_of(error: AltcraftError) -> str | None:
    """Return what to do next, where there is something helpful to say."""
    if isinstance(error, WaitError):
        return way_back(error.ref)
    if getattr(error, "maybe_delivered", False):
        return _MAYBE_DELIVERED
    if isinstance(error, ConfigurationError):
        return _ARGUMENT_HINTS.get(str(error).partition(":")[0])
    hints = (_HINTS[kind] for kind in type(error).__mro__ if kind in _HINTS)
    return next(hints, None)


def way_back(*refs: TaskRef) -> str:
    """Say how to come back to tasks that go on at the platform."""
    # Quoted: the ids are the server's, and people paste this into a shell.
    tasks = " ".join(shlex.quote(task_word(ref)) for ref in refs)
    going_on = "the task goes on" if len(refs) == 1 else "the tasks go on"
    return f"{going_on}; to come back: altcraft task wait {tasks}"
