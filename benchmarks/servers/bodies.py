"""Response bodies in both formats, shaped as the vendor documents them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import xmltodict

COUNTERS = (
    "all",
    "complained",
    "hardbounced",
    "invalid",
    "subscribed",
    "subscribed_sendable",
    "suspended",
    "unconfirmed",
    "unconfirmed_sendable",
    "unsubscribed",
)

DATABASE = 1
"""The database of every result."""

CHANNELS = ("sms", "push", "email")


class Bodies(NamedTuple):
    """The bodies of one format.

    Attributes:
        content_type: Of the response.
        started: Template with the task id.
        running: Template with the progress.
        completed: With a result of one group of three channels.
        before_id: What precedes the task id in a request.
        after_id: What follows the task id in a request.
    """

    content_type: bytes
    started: bytes
    running: bytes
    completed: bytes
    before_id: bytes
    after_id: bytes

    def task_id(self, request: bytes) -> bytes:
        """Find the task id in the body of a poll."""
        return request.partition(self.before_id)[2].lstrip(b' :"').partition(self.after_id)[0]


def _answer(data: Mapping[str, object]) -> dict[str, object]:
    return {"data": data, "error": 0, "error_text": "Successful operation"}


_ANY_COUNTERS = range(1336, 1336 + len(COUNTERS))
_STARTED = _answer({"task_id": "TASK"})
_RUNNING = _answer({"status": "running", "progress": "PROGRESS"})


def _json(value: Mapping[str, object]) -> bytes:
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("TASK", "%b").replace('"PROGRESS"', "%d").encode()


def _xml(value: Mapping[str, object]) -> bytes:
    return (
        xmltodict.unparse({"xml": value}).replace("TASK", "%b").replace("PROGRESS", "%d").encode()
    )


_ENCODERS: Mapping[str, Callable[[Mapping[str, object]], bytes]] = {"json": _json, "xml": _xml}


def completed(wire_format: str, counters: Sequence[int]) -> bytes:
    """Return a result of one group of three channels that all have these counters."""
    status = dict(zip(COUNTERS, counters, strict=True))
    result = {
        "channels": [{"channel": channel, "status": status} for channel in CHANNELS],
        "in_progress": False,
        "last_count_time": "counted at 2024-04-19T13:31:08Z in 231.374251ms",
        "list_id": DATABASE,
        "refresh_task_id": "",
        "updated": "2024-04-19T13:31:08.927Z",
    }
    data = {"status": "completed", "progress": 100, "result": [result]}
    return _ENCODERS[wire_format](_answer(data))


def refused(wire_format: str, code: int, text: str) -> bytes:
    """Return an error of the platform."""
    return _ENCODERS[wire_format]({"error": code, "error_text": text})


BODIES: Mapping[str, Bodies] = {
    "json": Bodies(
        b"application/json",
        _json(_STARTED),
        _json(_RUNNING),
        completed("json", _ANY_COUNTERS),
        b'"task_id"',
        b'"',
    ),
    "xml": Bodies(
        b"application/xml",
        _xml(_STARTED),
        _xml(_RUNNING),
        completed("xml", _ANY_COUNTERS),
        b"<task_id>",
        b"<",
    ),
}
