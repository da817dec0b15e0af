"""refresh_all: every resource in each of its databases, found on the way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import cast

from altcraft_async.api.resources import Resources, ResourceTarget
from altcraft_async.errors import AltcraftError
from altcraft_async.models import Completed, CountersReport, Failed, TaskRef
from altcraft_async.models.catalogue import Resource
from altcraft_async.models.validation import checked_function, checked_id
from altcraft_async.starts.starter import JoinMode
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.refresh_many import refresh_many

__all__ = ["refresh_all"]

LOOKUPS = 16
"""Resources looked up at once: one by one, a distant server would start only a few a second."""


def refresh_all(  # noqa: PLR0913 -- one argument per choice, all but one by name
    resources: Resources,
    *,
    only: Callable[[Resource], bool] | None,
    in_flight: int,
    timeout: float | None,
    join: JoinMode,
    idempotency_key: str | None,
    outage_patience: float,
    on_start: Callable[[TaskRef], None] | None,
) -> AsyncGenerator[Completed[CountersReport] | Failed, None]:
    """Find the targets, refresh them and iterate over the outcomes.

    Raises:
        ConfigurationError: An argument is wrong; raised here, not by the iteration.
    """
    in_flight = checked_id("in_flight", in_flight)
    checked_function("only", only)
    checked_function("on_start", on_start)

    # Why a resource could not be looked up, by the target that stands for those it has.
    unknown: dict[object, AltcraftError] = {}

    async def start(target: object) -> TaskHandle[CountersReport]:
        if target in unknown:
            raise unknown.pop(target)
        resource_id, database_id = cast("ResourceTarget", target)
        return await resources.refresh_counters(
            resource_id,
            database_id=database_id,
            join=join,
            idempotency_key=idempotency_key,
            outage_patience=outage_patience,
        )

    targets = _targets(resources, only, min(in_flight, LOOKUPS), unknown)
    return refresh_many(targets, start, in_flight=in_flight, timeout=timeout, on_start=on_start)


async def _targets(
    resources: Resources,
    only: Callable[[Resource], bool] | None,
    at_once: int,
    unknown: dict[object, AltcraftError],
) -> AsyncGenerator[tuple[int, ...], None]:
    """Look up resources, a few ahead of what is wanted, and yield their targets in order."""
    ahead: deque[asyncio.Task[list[tuple[int, ...]]]] = deque()
    ended: Exception | None = None
    try:
        try:
            async for resource in resources.list():
                if only is None or only(resource):
                    ahead.append(asyncio.create_task(_targets_of(resources, resource.id, unknown)))
                if len(ahead) == at_once:
                    for target in await ahead[0]:
                        yield target
                    ahead.popleft()
        except Exception as failed:  # noqa: BLE001 -- of the list or the filter, for the caller
            ended = failed
        while ahead:
            for target in await ahead[0]:
                yield target
            ahead.popleft()
    finally:
        for lookup in ahead:
            lookup.cancel()
        await asyncio.gather(*ahead, return_exceptions=True)
    if ended is not None:
        raise ended


async def _targets_of(
    resources: Resources, resource_id: int, unknown: dict[object, AltcraftError]
) -> list[tuple[int, ...]]:
    try:
        details = await resources.get(resource_id)
    except AltcraftError as error:
        unknown[resource_id,] = error
        return [(resource_id,)]
    return [(resource_id, database_id) for database_id in dict.fromkeys(details.database_ids)]
