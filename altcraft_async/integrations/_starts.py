"""Starting a refresh of any kind from plain ids, for jobs and operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from altcraft_async.client import AltcraftClient
from altcraft_async.models import CountersReport
from altcraft_async.tasks.handle import TaskHandle

__all__ = ["RefreshKind", "start_refresh"]

RefreshKind = Literal["resource", "database", "segment"]
"""Whose ``refresh_counters`` is called."""


async def start_refresh(
    client: AltcraftClient, kind: RefreshKind, ids: Sequence[int], *, idempotency_key: str | None
) -> TaskHandle[CountersReport]:
    """Start a refresh; the ids are in the order of a target of ``refresh_many``.

    Raises:
        AltcraftError: The start failed.
    """
    first, second, *third = ids
    match kind:
        case "resource":
            return await client.resources.refresh_counters(
                first, database_id=second, idempotency_key=idempotency_key
            )
        case "database":
            return await client.databases.refresh_counters(
                first, resource_id=second, idempotency_key=idempotency_key
            )
        case "segment":
            return await client.segments.refresh_counters(
                first,
                resource_id=second,
                database_id=third[0] if third else None,
                idempotency_key=idempotency_key,
            )
