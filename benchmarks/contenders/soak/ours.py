"""This library's `refresh_many`, half of the resources in JSON and half in XML.

With the argument ``ambiguous``, it also retries starts that may have happened,
as a caller can opt into; some resources are then started twice.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec

from altcraft_async import AltcraftClient, Completed, CountersReport, Failed, Retry
from benchmarks.contenders.measurement import TOKEN, url_of
from benchmarks.contenders.soak.outcomes import RoundOutcomes
from benchmarks.contenders.soak.runner import (
    ATTEMPTS,
    LONGEST_BACKOFF,
    REQUEST_TIMEOUT,
    Refresh,
    main,
)
from benchmarks.servers.bodies import COUNTERS, DATABASE


@asynccontextmanager
async def opened(port: int) -> AsyncGenerator[Refresh, None]:
    """Open a client for each format."""
    ambiguous = "ambiguous" in sys.argv
    retry = Retry(attempts=ATTEMPTS, ceiling=LONGEST_BACKOFF, ambiguous_starts=ambiguous)
    url, seconds = url_of(port), REQUEST_TIMEOUT
    async with (
        AltcraftClient(url, TOKEN, format="json", retry=retry, request_timeout=seconds) as in_json,
        AltcraftClient(url, TOKEN, format="xml", retry=retry, request_timeout=seconds) as in_xml,
    ):

        async def refresh(resources: Sequence[int], outcomes: RoundOutcomes) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(_stream(in_json, resources[::2], outcomes))
                group.create_task(_stream(in_xml, resources[1::2], outcomes))

        yield refresh


async def _stream(
    client: AltcraftClient, resources: Sequence[int], outcomes: RoundOutcomes
) -> None:
    targets = ((resource_id, DATABASE) for resource_id in resources)
    async for outcome in client.resources.refresh_many(targets, in_flight=len(resources)):
        match outcome:
            case Completed():
                resource_id, _ = outcome.target
                outcomes.completed(resource_id, outcome.ref.task_id, _channels(outcome.value))
            case Failed():
                _report(outcome, outcomes)


def _channels(report: CountersReport) -> dict[str, list[object]]:
    return {
        channel: [getattr(counters, name) for name in COUNTERS]
        for channel, counters in report.channels.items()
    }


def _report(outcome: Failed, outcomes: RoundOutcomes) -> None:
    (resource_id, _) = msgspec.convert(outcome.target, tuple[int, int])
    maybe = getattr(outcome.error, "maybe_delivered", False)
    started = True if outcome.ref else None if maybe else False
    outcomes.failed(resource_id, type(outcome.error).__name__, started=started)


if __name__ == "__main__":
    main(opened)
