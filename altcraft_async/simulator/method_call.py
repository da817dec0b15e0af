"""One call of an API method, and the target that its parameters name."""

from __future__ import annotations

from dataclasses import dataclass

from altcraft_async.simulator.faults import Fault
from altcraft_async.simulator.installation import Installation
from altcraft_async.simulator.parameters import BAD_REQUEST, Parameters, RefusedError
from altcraft_async.simulator.task import Target
from altcraft_async.simulator.world import World


@dataclass(frozen=True, slots=True)
class MethodCall:
    """What an API method acts on.

    Attributes:
        world: The platform's objects and tasks.
        parameters: Parameters of the request.
        now: Seconds of the simulator's clock.
        installation: How the platform is set up.
        fault: Fault of the request; methods apply those that concern tasks.
    """

    world: World
    parameters: Parameters
    now: float
    installation: Installation
    fault: Fault | None = None


def resource_target(call: MethodCall) -> Target:
    """Read a resource and, as ``list_id``, a database."""
    number = call.parameters.number
    return Target("resource", (number("id"), number("list_id")))


def database_target(call: MethodCall) -> Target:
    """Read a database and a resource."""
    number = call.parameters.number
    return Target("database", (number("id"), number("resource_id")))


def segment_target(call: MethodCall) -> Target:
    """Read a segment, a resource and a database, which a static segment may omit."""
    number = call.parameters.number
    ids = number("id"), number("resource_id")
    database_id = _segment_database(call)
    if database_id is not None:
        return Target("segment", (*ids, database_id))
    if call.world.segment(ids[0]).is_dynamic:
        accepted = call.installation.segment_database_name
        names = repr(accepted) if accepted else "'db_id' or 'list_id'"
        raise RefusedError(BAD_REQUEST, f"parameter {names} is missing: the segment is dynamic")
    return Target("segment", ids)


def _segment_database(call: MethodCall) -> int | None:
    # Older pages of the vendor name the database db_id, newer ones list_id.
    parameters, accepted = call.parameters, call.installation.segment_database_name
    names = {accepted} if accepted else {"db_id", "list_id"}
    parameters.check_names(frozenset({"format", "id", "resource_id", *names}))
    ids = {parameters.number(name, 0) for name in names} - {0}
    if len(ids) > 1:
        raise RefusedError(BAD_REQUEST, "parameters 'db_id' and 'list_id' contradict each other")
    return ids.pop() if ids else None
