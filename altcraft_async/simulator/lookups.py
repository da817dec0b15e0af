"""The methods that read one object, its fields or its counters."""

from __future__ import annotations

from collections.abc import Mapping

from altcraft_async.models import CountersReport
from altcraft_async.simulator import payloads
from altcraft_async.simulator.method_call import MethodCall
from altcraft_async.simulator.parameters import NOT_FOUND, RefusedError
from altcraft_async.simulator.task import Target


def get_resource(call: MethodCall) -> Mapping[str, object]:
    """Return a resource."""
    resource = call.world.resource(call.parameters.number("id"))
    return payloads.success(payloads.resource(resource, call.world.channels))


def get_database(call: MethodCall) -> Mapping[str, object]:
    """Return a database."""
    database = call.world.database(call.parameters.number("id"))
    return payloads.success(payloads.database(database))


def get_segment(call: MethodCall) -> Mapping[str, object]:
    """Return a segment."""
    segment = call.world.segment(call.parameters.number("id"))
    return payloads.success(payloads.segment(segment, call.world.segment_size(segment.id)))


def get_fields(call: MethodCall) -> Mapping[str, object]:
    """Return the subscription fields of a resource's channel."""
    resource_id = call.parameters.number("id")
    channel = call.parameters.text("channel")
    call.world.resource(resource_id)
    if channel not in call.world.channels:
        msg = f"there is no channel {ascii(channel)[:40]} in resource {resource_id}"
        raise RefusedError(NOT_FOUND, msg)
    fields = call.world.fields(resource_id, channel)
    return payloads.success([payloads.field(field) for field in fields])


def get_counters(call: MethodCall, target: Target) -> Mapping[str, object]:
    """Return the counters of the last completed refresh."""
    if call.installation.shows_running:
        report = CountersReport((call.world.last_group(target, call.now),))
        return payloads.success(payloads.counter_groups(report))
    return payloads.success(payloads.bare_channels(call.world.last_counters(target, call.now)))
