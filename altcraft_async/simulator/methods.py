"""The API methods: which parameters each takes, and what it does to the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from altcraft_async.simulator import lookups, payloads
from altcraft_async.simulator.catalogue import UnknownObjectError
from altcraft_async.simulator.exports import SOURCE_TYPES, Source
from altcraft_async.simulator.method_call import Request
from altcraft_async.simulator.parameters import NOT_FOUND, RefusedError
from altcraft_async.simulator.targets import database_target, resource_target, segment_target
from altcraft_async.simulator.task import Target

STATUS = "tasks/status"


def act(method: str, request: Request) -> Mapping[str, object]:
    """Do what the request asks for and return the answer.

    Raises:
        RefusedError: The platform says no.
    """
    known, do, _ = METHODS[method]
    request.parameters.check_names(known)
    try:
        return do(request)
    except UnknownObjectError as unknown:
        raise RefusedError(NOT_FOUND, str(unknown)) from None


def _start(request: Request, target: Target) -> Mapping[str, object]:
    request.parameters.check_feedback()
    return _started(request, request.world.start(target, request.now))


def _export(request: Request) -> Mapping[str, object]:
    parameters = request.parameters
    source_type = parameters.choice("source_type", SOURCE_TYPES)
    # The only two formats in the vendor's samples; the filter of fields lets everybody in.
    file_format = parameters.choice("file_format", ("csv", "json"), default="csv")
    parameters.fields("custom_request")
    source = Source(source_type, parameters.number("source_id"), file_format)
    return _started(request, request.world.export(source, request.now))


def _started(request: Request, task_id: str) -> Mapping[str, object]:
    world, fault = request.world, request.fault
    if fault and fault.kind == "unknown_task":
        world.forget(task_id)
    if fault and fault.kind == "failed_task":
        world.fail(task_id, fault.text)
    return payloads.accepted(payloads.task_started(task_id))


def _task_status(request: Request) -> Mapping[str, object]:
    world, fault = request.world, request.fault
    task_id = request.parameters.text("task_id")
    if fault and fault.kind == "failed_task":
        world.fail(task_id, fault.text, at=request.now)
    poll = world.poll(task_id, request.now)
    if poll is None or (fault and fault.kind == "unknown_task"):
        raise RefusedError(NOT_FOUND, "there is no such task")
    return payloads.accepted(payloads.task_status(poll))


Do: TypeAlias = Callable[[Request], Mapping[str, object]]


class _Method(NamedTuple):
    known: frozenset[str]
    do: Do
    is_declared: bool = False


def _refresh(targeted: Callable[[Request], Target]) -> Do:
    return lambda request: _start(request, targeted(request))


def _counters(targeted: Callable[[Request], Target]) -> Do:
    return lambda request: lookups.get_counters(request, targeted(request))


def _names(*names: str) -> frozenset[str]:
    # `format` stands in most tables of parameters, and may go with any request.
    return frozenset({"format", *names})


_LIST = ("from_id", "limit", "groups", "groups_id")
_TAGGED_LIST = (*_LIST, "ui_tags")
_SEGMENT = ("id", "resource_id", "db_id", "list_id")

METHODS: Mapping[str, _Method] = {
    "resources/list": _Method(_names(*_LIST), lookups.list_resources, is_declared=True),
    "resources/get": _Method(_names("id"), lookups.get_resource),
    "resources/fields_get": _Method(_names("id", "channel"), lookups.get_fields),
    "resources/get_counters": _Method(_names("id", "list_id"), _counters(resource_target)),
    "resources/refresh_counters": _Method(
        _names("id", "list_id", "feedback"), _refresh(resource_target)
    ),
    "databases/list": _Method(_names(*_TAGGED_LIST), lookups.list_databases, is_declared=True),
    "databases/get": _Method(_names("id"), lookups.get_database),
    "databases/get_counters": _Method(_names("id", "resource_id"), _counters(database_target)),
    "databases/refresh_counters": _Method(
        _names("id", "resource_id", "feedback"), _refresh(database_target)
    ),
    "segments/list": _Method(_names(*_TAGGED_LIST), lookups.list_segments, is_declared=True),
    "segments/get": _Method(_names("id"), lookups.get_segment),
    "segments/get_counters": _Method(_names(*_SEGMENT), _counters(segment_target)),
    "segments/refresh_counters": _Method(_names(*_SEGMENT), _refresh(segment_target)),
    "profiles/get_all": _Method(
        _names("source_type", "source_id", "file_format", "custom_request"), _export
    ),
    STATUS: _Method(_names("task_id"), _task_status),
}
