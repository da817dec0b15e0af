"""refresh_all: every resource in each of its databases, found on the way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import cast

import msgspec

from altcraft_async.catalogue import Resource
from altcraft_async.errors import AltcraftError
from altcraft_async.many import refresh_many
from altcraft_async.models import Completed, CountersReport, Failed, TaskRef
from altcraft_async.namespaces.resources import Resources, ResourceTarget
from altcraft_async.starting import Join
from altcraft_async.tasks import TaskHandle

__all__ = ["refresh_all"]


class _Unknown(msgspec.Struct, frozen=True):
    """Stands for the targets of a resource whose databases could not be looked up."""

    resource_id: int
    error: AltcraftError


async def refresh_all(  # noqa: PLR0913 -- one argument per choice, all but one by name
    resources: Resources,
    *,
    only: Callable[[Resource], bool] | None,
    in_flight: int,
    timeout: float | None,  # noqa: ASYNC109 -- of each target
    join: Join,
    on_start: Callable[[TaskRef], None] | None,
) -> AsyncGenerator[Completed[CountersReport] | Failed, None]:
    """Find the targets, refresh them and iterate over the outcomes."""

    async def start(target: object) -> TaskHandle[CountersReport]:
        if isinstance(target, _Unknown):
            raise target.error
        resource_id, database_id = cast("ResourceTarget", target)
        handle = await resources.refresh_counters(resource_id, database_id=database_id, join=join)
        if on_start is not None:
            on_start(handle.ref)
        return handle

    async with (
        aclosing(_targets(resources, only)) as targets,
        aclosing(refresh_many(targets, start, in_flight=in_flight, timeout=timeout)) as outcomes,
    ):
        async for outcome in outcomes:
            if isinstance(outcome, Failed) and isinstance(outcome.target, _Unknown):
                yield msgspec.structs.replace(outcome, target=(outcome.target.resource_id,))
            else:
                yield outcome


async def _targets(
    resources: Resources, only: Callable[[Resource], bool] | None
) -> AsyncGenerator[ResourceTarget | _Unknown, None]:
    """Look up resource after resource, as targets are wanted."""
    async for resource in resources.list():
        if only is not None and not only(resource):
            continue
        try:
            details = await resources.get(resource.id)
        except AltcraftError as error:
            yield _Unknown(resource.id, error)
            continue
        for database_id in dict.fromkeys(details.database_ids):
            yield resource.id, database_id
