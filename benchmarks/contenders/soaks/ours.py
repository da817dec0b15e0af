"""This library's `refresh_many`, half of the resources in JSON and half in XML.

With ``ambiguous`` behind the numbers, starts are repeated also where they may
have been acted on, which a user can opt into, and which starts some twice.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec

from altcraft_async import AltcraftClient, Completed, CountersReport, Failed, Retry
from benchmarks.contenders.measuring import TOKEN, url_of
from benchmarks.contenders.soaks.soaking import (
    ATTEMPTS,
    LONGEST_BACKOFF,
    REQUEST_TIMEOUT,
    Refresh,
    main,
)
from benchmarks.contenders.soaks.tally import Round
from benchmarks.serving.bodies import DATABASE, FIGURES


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

        async def refresh(resources: Sequence[int], outcomes: Round) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(_stream(in_json, resources[::2], outcomes))
                group.create_task(_stream(in_xml, resources[1::2], outcomes))

        yield refresh


async def _stream(client: AltcraftClient, resources: Sequence[int], outcomes: Round) -> None:
    targets = ((resource_id, DATABASE) for resource_id in resources)
    async for outcome in client.resources.refresh_many(targets, in_flight=len(resources)):
        match outcome:
            case Completed():
                resource_id, _ = outcome.target
                outcomes.completed(resource_id, outcome.ref.task_id, _figures(outcome.value))
            case Failed():
                _report(outcome, outcomes)


def _figures(report: CountersReport) -> dict[str, list[object]]:
    return {
        channel: [getattr(counters, name) for name in FIGURES]
        for channel, counters in report.channels.items()
    }


def _report(outcome: Failed, outcomes: Round) -> None:
    """Report an error; where it leaves open whether the task was started, it is not started again.

    A user would poll the counters first.
    """
    (resource_id, _) = msgspec.convert(outcome.target, tuple[int, int])
    maybe = getattr(outcome.error, "maybe_delivered", False)
    started = True if outcome.ref else None if maybe else False
    outcomes.failed(resource_id, type(outcome.error).__name__, started=started)


if __name__ == "__main__":
    main(opened)
