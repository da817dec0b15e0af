"""The API methods: which parameters each takes, and what it does to the world."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

from altcraft_async.simulator import answers
from altcraft_async.simulator.codec import Format
from altcraft_async.simulator.faults import Fault
from altcraft_async.simulator.world import Target, UnknownObjectError, World

BAD_REQUEST = 400
UNAUTHORIZED = 401
NOT_FOUND = 404

STATUS = "tasks/status"


class RefusedError(Exception):
    """The platform says no.

    Attributes:
        code: The ``error`` of the answer.
        text: Its ``error_text``.
    """

    def __init__(self, code: int, text: str) -> None:
        """Keep both; the vendor documents the codes but no text."""
        super().__init__(code, text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one request, the token excepted.

    How the real platform takes to a wrong parameter is not documented. This
    one is strict, so that mistakes show: it refuses what it does not know,
    and ``"24"`` for a number in JSON.

    Attributes:
        values: As they were read; null and the empty text count as not given.
        form: The format they came in: in XML, numbers are text.
    """

    values: Mapping[str, object]
    form: Format = "json"

    def check_names(self, known: frozenset[str]) -> None:
        """Refuse parameters that the method does not have."""
        for name in self.values:
            if name not in known:
                raise RefusedError(BAD_REQUEST, f"unknown parameter {ascii(name)[:40]}")

    def given(self, name: str) -> bool:
        """Say whether there is a value."""
        return self.values.get(name) not in (None, "")

    def number(self, *names: str) -> int:
        """Return the id under the first of these names that is given."""
        for name in filter(self.given, names):
            return self._positive(name)
        raise RefusedError(BAD_REQUEST, f"parameter {names[0]!r} is missing")

    def text(self, name: str) -> str:
        """Return a text."""
        if not self.given(name):
            raise RefusedError(BAD_REQUEST, f"parameter {name!r} is missing")
        value = self.values[name]
        if not isinstance(value, str):
            raise RefusedError(BAD_REQUEST, f"parameter {name!r} has to be a string")
        return value

    def check_feedback(self) -> None:
        """Refuse feedback that is not of the documented shape."""
        if not self.given("feedback"):
            return
        feedback = self.values["feedback"]
        if isinstance(feedback, dict):
            fields = Parameters(cast("dict[str, object]", feedback), self.form)
            fields.check_names(frozenset({"type", "url"}))
            fields.text("type")
            fields.text("url")
            return
        raise RefusedError(BAD_REQUEST, "parameter 'feedback' has to be an object")

    def _positive(self, name: str) -> int:
        value = self.values[name]
        if self.form == "xml" and isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        raise RefusedError(BAD_REQUEST, f"parameter {name!r} has to be a positive integer")


_DIGITS = re.compile(r"[0-9]{1,18}")


def act(
    world: World, method: str, parameters: Parameters, now: float, fault: Fault | None = None
) -> object:
    """Do what the request asks for and return the ``data`` of the answer.

    Of the faults only those of tasks are heeded here: the others happen to
    the answer on its way.

    Raises:
        RefusedError: The platform says no.
    """
    known, do = METHODS[method]
    parameters.check_names(known)
    return do(world, parameters, now, fault)


def _refresh_resource(
    world: World, parameters: Parameters, now: float, fault: Fault | None
) -> object:
    ids = parameters.number("id"), parameters.number("list_id")
    parameters.check_feedback()
    return _start(world, Target("resource", ids), now, fault)


def _refresh_database(
    world: World, parameters: Parameters, now: float, fault: Fault | None
) -> object:
    ids = parameters.number("id"), parameters.number("resource_id")
    parameters.check_feedback()
    return _start(world, Target("database", ids), now, fault)


def _refresh_segment(
    world: World, parameters: Parameters, now: float, fault: Fault | None
) -> object:
    ids: tuple[int, ...] = parameters.number("id"), parameters.number("resource_id")
    # The database has two names: one page says db_id, the newer text of its sister list_id.
    if parameters.given("db_id") or parameters.given("list_id"):
        ids = (*ids, parameters.number("db_id", "list_id"))
    return _start(world, Target("segment", ids), now, fault)


def _start(world: World, target: Target, now: float, fault: Fault | None) -> object:
    try:
        task_id = world.start(target, now)
    except UnknownObjectError as unknown:
        raise RefusedError(NOT_FOUND, str(unknown)) from None
    if fault and fault.kind == "unknown_task":
        world.forget(task_id)
    if fault and fault.kind == "failed_task":
        world.fail(task_id, fault.text)
    return answers.task_started(task_id)


def _task_status(world: World, parameters: Parameters, now: float, fault: Fault | None) -> object:
    task_id = parameters.text("task_id")
    if fault and fault.kind == "failed_task":
        world.fail(task_id, fault.text, at=now)
    look = world.look(task_id, now)
    if look is None or (fault and fault.kind == "unknown_task"):
        raise RefusedError(NOT_FOUND, "there is no such task")
    return answers.task_status(look)


class _Method(NamedTuple):
    known: frozenset[str]
    do: Callable[[World, Parameters, float, Fault | None], object]


METHODS: Mapping[str, _Method] = {
    "resources/refresh_counters": _Method(
        frozenset({"format", "id", "list_id", "feedback"}), _refresh_resource
    ),
    "databases/refresh_counters": _Method(
        frozenset({"format", "id", "resource_id", "feedback"}), _refresh_database
    ),
    "segments/refresh_counters": _Method(
        frozenset({"format", "id", "resource_id", "db_id", "list_id"}), _refresh_segment
    ),
    STATUS: _Method(frozenset({"format", "task_id"}), _task_status),
}
