"""The API methods: which parameters each takes, and what it does to the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from altcraft_async.simulator import lists, lookups, payloads
from altcraft_async.simulator.catalogue import UnknownObjectError
from altcraft_async.simulator.exports import SOURCE_TYPES, Source
from altcraft_async.simulator.faults import Fault
from altcraft_async.simulator.installation import Installation
from altcraft_async.simulator.messages import ApiRequest, ApiResponse, refusal
from altcraft_async.simulator.method_call import (
    MethodCall,
    database_target,
    resource_target,
    segment_target,
)
from altcraft_async.simulator.parameters import (
    BAD_REQUEST,
    NOT_FOUND,
    UNAUTHORIZED,
    Parameters,
    RefusedError,
)
from altcraft_async.simulator.task import Target
from altcraft_async.simulator.world import World

Run: TypeAlias = Callable[[MethodCall], Mapping[str, object]]


def respond(
    world: World,
    request: ApiRequest,
    installation: Installation,
    now: float,
    fault: Fault | None = None,
) -> ApiResponse:
    """Run the API method of a request and return its response, a refusal included."""
    parameters = Parameters(request.params, request.format, installation.strict)
    try:
        method = _checked_method(request, installation.token)
        parameters.choice("format", ("json", "xml"), default="json")
        parameters.check_names(method.parameters)
        envelope = method.run(MethodCall(world, parameters, now, installation, fault))
    except RefusedError as refused:
        return refusal(request.response_format, refused.code, refused.text)
    except UnknownObjectError as unknown:
        return refusal(request.response_format, NOT_FOUND, str(unknown))
    return ApiResponse(envelope, request.response_format, xml_declaration=method.xml_declaration)


def _checked_method(request: ApiRequest, token: str) -> _Method:
    if request.method not in METHODS:
        raise RefusedError(NOT_FOUND, "there is no such API method")
    if request.unreadable:
        raise RefusedError(BAD_REQUEST, request.unreadable)
    if request.token != token:
        raise RefusedError(UNAUTHORIZED, "API token required")
    return METHODS[request.method]


def _refresh(read_target: Callable[[MethodCall], Target]) -> Run:
    def run(call: MethodCall) -> Mapping[str, object]:
        target = read_target(call)
        call.parameters.check_feedback()
        return _started(call, call.world.start(target, call.now))

    return run


def _counters(read_target: Callable[[MethodCall], Target]) -> Run:
    return lambda call: lookups.get_counters(call, read_target(call))


def _export(call: MethodCall) -> Mapping[str, object]:
    parameters = call.parameters
    source_type = parameters.choice("source_type", SOURCE_TYPES)
    # The vendor's samples show these two formats. The profile filter is checked, not applied.
    file_format = parameters.choice("file_format", ("csv", "json"), default="csv")
    parameters.fields("custom_request")
    source = Source(source_type, parameters.number("source_id"), file_format)
    return _started(call, call.world.export(source, call.now))


def _started(call: MethodCall, task_id: str) -> Mapping[str, object]:
    if call.fault and call.fault.kind == "unknown_task":
        call.world.forget(task_id)
    if call.fault and call.fault.kind == "failed_task":
        call.world.fail(task_id, call.fault.text)
    return payloads.success({"task_id": task_id})


def _task_status(call: MethodCall) -> Mapping[str, object]:
    world, fault = call.world, call.fault
    task_id = call.parameters.text("task_id")
    if fault and fault.kind == "failed_task":
        world.fail(task_id, fault.text, at=call.now)
    state = world.poll(task_id, call.now)
    if state is None or (fault and fault.kind == "unknown_task"):
        raise RefusedError(NOT_FOUND, "there is no such task")
    return payloads.success(payloads.task_status(state))


class _Method(NamedTuple):
    run: Run
    parameters: frozenset[str]
    xml_declaration: bool


def _method(run: Run, *parameters: str, xml_declaration: bool = False) -> _Method:
    # Most pages of the vendor list `format`, so every method takes it.
    return _Method(run, frozenset({"format", *parameters}), xml_declaration)


_LIST = ("from_id", "limit", "groups", "groups_id")
_TAGGED_LIST = (*_LIST, "ui_tags")
_SEGMENT = ("id", "resource_id", "db_id", "list_id")

METHODS: Mapping[str, _Method] = {
    "resources/list": _method(lists.list_resources, *_LIST, xml_declaration=True),
    "resources/get": _method(lookups.get_resource, "id"),
    "resources/fields_get": _method(lookups.get_fields, "id", "channel"),
    "resources/get_counters": _method(_counters(resource_target), "id", "list_id"),
    "resources/refresh_counters": _method(_refresh(resource_target), "id", "list_id", "feedback"),
    "databases/list": _method(lists.list_databases, *_TAGGED_LIST, xml_declaration=True),
    "databases/get": _method(lookups.get_database, "id"),
    "databases/get_counters": _method(_counters(database_target), "id", "resource_id"),
    "databases/refresh_counters": _method(
        _refresh(database_target), "id", "resource_id", "feedback"
    ),
    "segments/list": _method(lists.list_segments, *_TAGGED_LIST, xml_declaration=True),
    "segments/get": _method(lookups.get_segment, "id"),
    "segments/get_counters": _method(_counters(segment_target), *_SEGMENT),
    "segments/refresh_counters": _method(_refresh(segment_target), *_SEGMENT),
    "profiles/get_all": _method(
        _export, "source_type", "source_id", "file_format", "custom_request"
    ),
    "tasks/status": _method(_task_status, "task_id"),
}
