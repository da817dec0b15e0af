"""What a request wants counted, under the names that each page gives to the ids."""

from __future__ import annotations

from altcraft_async.simulator.method_call import Request
from altcraft_async.simulator.parameters import BAD_REQUEST, RefusedError
from altcraft_async.simulator.task import Target


def resource_target(request: Request) -> Target:
    """Take a resource and, as ``list_id``, a database."""
    number = request.parameters.number
    return Target("resource", (number("id"), number("list_id")))


def database_target(request: Request) -> Target:
    """Take a database and a resource."""
    number = request.parameters.number
    return Target("database", (number("id"), number("resource_id")))


def segment_target(request: Request) -> Target:
    """Take a segment, a resource and, unless the segment is static, a database."""
    number = request.parameters.number
    ids = number("id"), number("resource_id")
    database_id = _segment_database(request)
    if database_id is not None:
        return Target("segment", (*ids, database_id))
    if request.world.segment(ids[0]).is_dynamic:
        taken = request.install.segment_database_name
        names = repr(taken) if taken else "'db_id' or 'list_id'"
        raise RefusedError(BAD_REQUEST, f"parameter {names} is missing: the segment is dynamic")
    return Target("segment", ids)


def _segment_database(request: Request) -> int | None:
    # The database has two names: older text says db_id, newer text list_id.
    parameters, taken = request.parameters, request.install.segment_database_name
    for name in ("db_id", "list_id"):
        if taken and name != taken and name in parameters.values:
            raise RefusedError(BAD_REQUEST, f"unknown parameter {name!r}")
    found = {parameters.number(name) for name in ("db_id", "list_id") if parameters.given(name)}
    if len(found) > 1:
        raise RefusedError(BAD_REQUEST, "parameters 'db_id' and 'list_id' contradict each other")
    return found.pop() if found else None
