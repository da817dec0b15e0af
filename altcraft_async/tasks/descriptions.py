"""Texts that say which task an error or a log record is about."""

from __future__ import annotations

from collections.abc import Callable

from altcraft_async.errors import ProtocolError
from altcraft_async.models import TaskRef, TaskStatus
from altcraft_async.models.targets import target_words
from altcraft_async.protocol.codecs import UnreadableError
from altcraft_async.protocol.envelope import snippet
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.protocol.text import masked_line

__all__ = ["last_status", "named", "unusable_result"]


def named(ref: TaskRef) -> str:
    """Return the id of a task and, where it is known, the target that it counts."""
    target = f" of {target_words(ref.kind, ref.target)}" if ref.target else ""
    return f"task {ref.task_id}{target}"


def last_status(status: TaskStatus | None) -> str:
    """Return the end of a sentence about a task; empty before its first answer."""
    if status is None:
        return ""
    progress = "without progress" if status.progress is None else f"at {status.progress} %"
    return f", last status {status.status!r} {progress}"


def unusable_result(
    ref: TaskRef, answer: TaskAnswer, refused: Exception, mask: Callable[[str], str]
) -> ProtocolError:
    """Return the error of a completed task whose result cannot be decoded.

    Args:
        ref: The task.
        answer: The answer with the result.
        refused: What the decoder raised.
        mask: Masks the token in text.
    """
    error = ProtocolError(
        f"tasks/status: {named(ref)} is completed, but its result cannot be used: "
        f"{masked_line(str(refused), mask)}",
        path="tasks/status",
        http_status=200,
        snippet=snippet(answer.data, mask),
    )
    error.__cause__ = None if isinstance(refused, UnreadableError) else refused
    return error
