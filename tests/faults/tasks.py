"""Courses of a started task: the answers to its polls, and the outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple, Unpack

from altcraft_async import (
    AltcraftClient,
    AltcraftError,
    Constant,
    CountersReport,
    ProtocolError,
    TaskFailedError,
    TaskHandle,
)
from altcraft_async.client import ClientOptions
from tests.support.api_calls import client_of
from tests.support.scripted_server import Step, answer

SUBSCRIBED = 842
SMOKE = {"channel": "smoke", "status": {"n": 1}}
EMAIL = {"channel": "email", "status": {"subscribed": SUBSCRIBED}}


class Course(NamedTuple):
    """The answers to the polls of one task, and the outcome.

    Attributes:
        row: Number in the list of faults.
        polls: Answers; the last one ends the wait.
        error: Exact class of the error; ``None`` for a report.
        says: Part of the error's text.
    """

    row: int
    polls: tuple[Step, ...]
    error: type[AltcraftError] | None = None
    says: str = ""


def poll(status: str = "running", **fields: object) -> Step:
    """Return an answer to a poll."""
    return answer(json.dumps({"error": 0, "data": {"status": status, **fields}}))


def group(subscribed: object = SUBSCRIBED, **fields: object) -> dict[str, object]:
    """Return the counters of one database, with one channel."""
    email = {**EMAIL, "status": {"subscribed": subscribed}}
    return {"list_id": 1, "channels": [email], **fields}


def completed(*groups: object) -> Step:
    """Return the answer about a completed task."""
    return poll("completed", progress=100, result=groups)


DONE = completed(group())


def unusable(row: int, *groups: object, says: str = "") -> Course:
    """Return the course of a completed task with an unusable result."""
    return Course(row, (completed(*groups),), ProtocolError, says)


_AT_SUBSCRIBED = "$[0].channels[0].status.subscribed"

COURSES: Mapping[str, Course] = {
    "progress that goes backwards": Course(
        51, (poll(progress=40), poll(progress=10), poll(progress=60), DONE)
    ),
    "progress above 100": Course(51, (poll(progress=250), poll(progress=10**30), DONE)),
    "progress below 0": Course(51, (poll(progress=-1), poll(progress=-(10**30)), DONE)),
    "progress of null": Course(51, (poll(progress=None), poll(), DONE)),
    "fractional or quoted progress": Course(
        51, (poll(progress=12.5), poll(progress="40"), poll(progress="40.5"), DONE)
    ),
    "progress of another type": Course(
        51, (poll(progress="most"), poll(progress=True), poll(progress=[]), DONE)
    ),
    "undocumented status": Course(
        52, (poll("warming up"), poll("COUNTING"), poll("?" * 1000), DONE)
    ),
    "failure status": Course(52, (poll(), poll("Failed", progress=60)), TaskFailedError, "failed"),
    "capitalized status": Course(52, (poll("Completed", result=[group()]),)),
    "completed with an empty result": unusable(53, says="it is empty"),
    "completed without a result": Course(53, (poll("completed"),), ProtocolError, "cannot be used"),
    "completed with a result of null": Course(
        53, (poll("completed", result=None),), ProtocolError, "cannot be used"
    ),
    "completed with an incomplete result": unusable(53, {"list_id": 1}, says="channels"),
    "result of another database": unusable(55, group(list_id=7), says="database 7, not of 1"),
    "new fields and channels": Course(
        56,
        (completed(group(mood="good", channels=[EMAIL, SMOKE])),),
    ),
    "counter in words": unusable(57, group("many"), says=_AT_SUBSCRIBED),
    "negative counter": unusable(57, group(-77777), says=_AT_SUBSCRIBED),
    "counter of 2 to the 63rd": unusable(57, group(2**63), says=_AT_SUBSCRIBED),
    "counter of thirty digits": unusable(57, group(int("7" * 30)), says=_AT_SUBSCRIBED),
    "fractional counter": unusable(57, group(77777.5), says=_AT_SUBSCRIBED),
}
"""Courses by name."""


async def started(client: AltcraftClient) -> TaskHandle[CountersReport]:
    """Start a refresh."""
    return await client.resources.refresh_counters(24, database_id=1)


def patient(url: str, **options: Unpack[ClientOptions]) -> AltcraftClient:
    """Return a client that polls every second."""
    chosen: ClientOptions = {"poll": Constant(1.0), **options}
    return client_of(url, **chosen)
