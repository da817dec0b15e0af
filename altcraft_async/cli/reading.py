"""Looks up every resource without starting anything: its databases, or its last counters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from altcraft_async import AltcraftClient, AltcraftError, Failed, Resource
from altcraft_async.api.refresh_all import LOOKUPS_AT_ONCE, resource_targets
from altcraft_async.cli.object_kinds import RESOURCES, Read, Target

__all__ = ["find_targets", "read_all"]


async def find_targets(
    client: AltcraftClient, only: Callable[[Resource], bool]
) -> AsyncGenerator[Target | Failed, None]:
    """Yield each resource with each of its databases, as ``refresh_all`` would start them.

    Raises:
        AltcraftError: The list failed; after the targets of the resources before.
    """
    errors: dict[object, AltcraftError] = {}
    async for target in resource_targets(client.resources, only, LOOKUPS_AT_ONCE, errors):
        error = errors.pop(target, None)
        yield Failed(target=target, ref=None, error=error) if error else target


async def read_all(
    client: AltcraftClient, only: Callable[[Resource], bool], in_flight: int
) -> AsyncGenerator[Read | Failed, None]:
    """Read the last counters of every resource in each of its databases, a few at once.

    Raises:
        AltcraftError: The list failed; after the counters of the resources before.
    """
    running: set[asyncio.Task[Read | Failed]] = set()
    failed: AltcraftError | None = None
    targets = find_targets(client, only)
    try:
        try:
            async for target in targets:
                running.add(asyncio.create_task(_read(client, target)))
                if len(running) == in_flight:
                    done, running = await asyncio.wait(running, return_when="FIRST_COMPLETED")
                    for one in done:
                        yield one.result()
        except AltcraftError as error:
            failed = error
        for next_one in asyncio.as_completed(running):
            yield await next_one
    finally:
        await targets.aclose()
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    if failed is not None:
        raise failed


async def _read(client: AltcraftClient, target: Target | Failed) -> Read | Failed:
    if isinstance(target, Failed):
        return target
    try:
        return Read(target=target, value=await RESOURCES.get_counters(client, target))
    except AltcraftError as error:
        return Failed(target=target, ref=None, error=error)
