"""Reads answers of ``…/refresh_counters`` and ``tasks/status``.

The structs here have the vendor's names and only the fields that are used;
unknown fields are skipped. They describe whole answers, envelope included.
"""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import msgspec

from altcraft_async.models import TaskStatus
from altcraft_async.models.validation import task_id_fault
from altcraft_async.protocol import fair_json
from altcraft_async.protocol.codecs import MAX_DEPTH, Document, Plain, UnreadableError
from altcraft_async.protocol.messages import LARGE
from altcraft_async.protocol.text import line

__all__ = [
    "LARGEST_RAW",
    "LONGEST_RAW",
    "TaskAnswer",
    "started_task_id",
    "task_answer",
    "usual_started_task_id",
    "usual_task_answer",
]

LARGEST_RAW = 2**18
"""Bytes of an answer that a status keeps; it decodes them in the event loop."""

LONGEST_RAW = 2**16
"""Bytes of an answer that an error keeps; the documented ones of running tasks have 40."""

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _StartedData(msgspec.Struct):
    task_id: _Text


class _Started(msgspec.Struct):
    data: _StartedData


class TaskAnswer(msgspec.Struct, frozen=True, gc=False):
    """The answer to one poll, small, as a handle keeps it.

    Attributes:
        name: Of the status, as one short line.
        progress: As sent; ``None`` where missing or no number.
        data: The answer's ``data`` as JSON, whatever its format was.
        textual: Whether every scalar in it is text, as in XML.
    """

    name: str
    progress: int | None
    data: bytes
    textual: bool = False

    @property
    def is_large(self) -> bool:
        """Whether it is decoded in a thread."""
        return len(self.data) > LARGE

    @property
    def whole_status(self) -> TaskStatus:
        """The status with all that came."""
        return TaskStatus(status=self.name, progress=self.progress, raw=self._fields())

    @property
    def status(self) -> TaskStatus:
        """The status as a model, which is made in no time: without what is very large."""
        if len(self.data) <= LARGEST_RAW:
            return self.whole_status
        return TaskStatus(status=self.name, progress=self.progress)

    @property
    def stored_status(self) -> TaskStatus:
        """The status for an error, which may be logged or sent: without what is large."""
        if len(self.data) <= LONGEST_RAW:
            return self.status
        return TaskStatus(status=self.name, progress=self.progress)

    @property
    def result(self) -> Document:
        """The undecoded result; null where there is none."""
        return Document(self._fields().get("result"), self.textual)

    def _fields(self) -> dict[str, Plain]:
        fields: dict[str, Plain] = fair_json.decode(self.data)
        return fields


def started_task_id(document: Document) -> str:
    """Read the task's id from an answer of ``…/refresh_counters``."""
    task_id = document.to(_Started).data.task_id
    fault = task_id_fault(task_id)
    if fault is not None:
        msg = f"the id of the task {fault}"
        raise UnreadableError(msg)
    return task_id


class _UsualStarted(msgspec.Struct, gc=False):
    data: _StartedData
    error: Literal[0]


class _UsualData(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The ``data`` of most tasks."""

    status: _Text
    progress: int | None = None
    result: object = None


class _Usual(msgspec.Struct, gc=False):
    data: msgspec.Raw
    error: Literal[0]


_decode_started = msgspec.json.Decoder(_UsualStarted).decode
_decode_usual = msgspec.json.Decoder(_Usual).decode
_decode_usual_data = msgspec.json.Decoder(_UsualData).decode
_UNUSUAL = (msgspec.MsgspecError, UnicodeDecodeError)


def usual_started_task_id(body: bytes) -> str | None:
    """Read the task's id from a usual answer of ``…/refresh_counters``.

    ``None`` where it is not JSON, or large. Fields that are not used are not checked.
    """
    if not _may_be_usual(body):
        return None
    try:
        task_id = _decode_started(body).data.task_id
    except _UNUSUAL:
        return None
    return None if task_id_fault(task_id) else task_id


def usual_task_answer(body: bytes) -> TaskAnswer | None:
    """Read a usual answer of ``tasks/status``, at a fifth of the cost of `task_answer`.

    ``None`` where it is not JSON with the documented fields only, or large.
    """
    if not _may_be_usual(body):
        return None
    try:
        sent = _decode_usual(body).data
        data = _decode_usual_data(sent)
    except _UNUSUAL:
        return None
    return TaskAnswer(sys.intern(line(data.status)), data.progress, bytes(sent))


def _may_be_usual(body: bytes) -> bool:
    """Tell whether an answer is in JSON, small and surely not too deep."""
    if not body.startswith(b"{") or len(body) > LARGE:
        return False
    return body.count(b"{") + body.count(b"[") <= MAX_DEPTH


def task_answer(document: Document) -> TaskAnswer:
    """Read an answer of ``tasks/status``."""
    data = document.mapping("data")
    status = data.get("status")
    if not isinstance(status, str) or not status:
        msg = "Expected `str` of length >= 1 - at `$.data.status`"
        raise UnreadableError(msg)
    progress = _percent(data.get("progress"))
    # Each task keeps one of a few names.
    name = sys.intern(line(status))
    return TaskAnswer(name, progress, msgspec.json.encode(data), document.textual)


def _percent(sent: object) -> int | None:
    """Return progress as an int of any size, as its range is not documented; else ``None``."""
    if isinstance(sent, int):
        return None if isinstance(sent, bool) else sent
    try:
        return int(float(sent)) if isinstance(sent, (float, str)) else None
    except (ValueError, OverflowError):
        return None
