"""Finds every resource and its databases, and refreshes them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import cast

from altcraft_async.api.resources import Resources
from altcraft_async.errors import AltcraftError
from altcraft_async.models import Completed, CountersReport, Failed, TaskRef
from altcraft_async.models.catalogue import Resource
from altcraft_async.models.validation import checked_function, checked_id
from altcraft_async.starts.starter import JoinMode
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.refresh_many import refresh_many

__all__ = ["LOOKUPS_AT_ONCE", "refresh_all", "resource_targets"]

LOOKUPS_AT_ONCE = 16
"""Resources looked up at once: one by one, a distant server would allow a few starts a second."""


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
    """Refresh every resource, as `AltcraftClient.refresh_all` documents."""
    in_flight = checked_id("in_flight", in_flight)
    checked_function("only", only)
    checked_function("on_start", on_start)

    # The errors of lookups, by the target ``(resource_id,)`` that is yielded in place of others.
    lookup_errors: dict[object, AltcraftError] = {}

    async def start(target: object) -> TaskHandle[CountersReport]:
        if target in lookup_errors:
            raise lookup_errors.pop(target)
        resource_id, database_id = cast("tuple[int, int]", target)
        return await resources.refresh_counters(
            resource_id,
            database_id=database_id,
            join=join,
            idempotency_key=idempotency_key,
            outage_patience=outage_patience,
        )

    targets = resource_targets(resources, only, min(in_flight, LOOKUPS_AT_ONCE), lookup_errors)
    return refresh_many(targets, start, in_flight=in_flight, timeout=timeout, on_start=on_start)


async def resource_targets(
    resources: Resources,
    only: Callable[[Resource], bool] | None,
    at_once: int,
    lookup_errors: dict[object, AltcraftError],
) -> AsyncGenerator[tuple[int, ...], None]:
    """Look up resources, a few ahead, and yield their targets in order.

    Args:
        resources: The client's methods.
        only: Chooses resources as they are listed; ``None`` for all.
        at_once: Resources looked up at once.
        lookup_errors: Gets the error of a resource that cannot be looked up, by the
            target ``(resource_id,)`` that is yielded for it.

    Raises:
        Exception: The list failed, or ``only``; after the targets of the resources before.
    """
    ahead: deque[asyncio.Task[list[tuple[int, ...]]]] = deque()
    error: Exception | None = None
    try:
        try:
            async for resource in resources.list():
                if only is None or only(resource):
                    ahead.append(
                        asyncio.create_task(_targets_of(resources, resource.id, lookup_errors))
                    )
                if len(ahead) == at_once:
                    for target in await ahead[0]:
                        yield target
                    ahead.popleft()
        except Exception as failed:  # noqa: BLE001 -- any error of the list or of ``only``
            error = failed
        while ahead:
            for target in await ahead[0]:
                yield target
            ahead.popleft()
    finally:
        for lookup in ahead:
            lookup.cancel()
        await asyncio.gather(*ahead, return_exceptions=True)
    if error is not None:
        raise error


async def _targets_of(
    resources: Resources, resource_id: int, lookup_errors: dict[object, AltcraftError]
) -> list[tuple[int, ...]]:
    try:
        details = await resources.get(resource_id)
    except AltcraftError as error:
        lookup_errors[resource_id,] = error
        return [(resource_id,)]
    return [(resource_id, database_id) for database_id in dict.fromkeys(details.database_ids)]
