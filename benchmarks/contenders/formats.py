"""One contender of the format benchmark: prints the CPU time of a whole refresh, slice by slice.

``python -m benchmarks.contenders.formats json|xml PORT``. A refresh is a
start, two polls that find it running and one that brings the result. The time
within xmltodict is taken where it is spent: the same documents read in a loop
of their own would be read from a warm cache, and faster.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

import xmltodict

from altcraft_async import AltcraftClient, Completed, PollState
from altcraft_async.api.options import FormatName
from benchmarks.contenders.measuring import AT_ONCE, TOKEN, url_of
from benchmarks.serving.bodies import DATABASE
from benchmarks.serving.platforms import POLLS_TO_THE_END

REFRESHES = 100
"""In a slice."""


class Soon:
    """Polls as often as the library allows."""

    def next_poll(self, seen: PollState) -> float:  # noqa: ARG002 -- whatever was seen
        """Return seconds."""
        return 0.0


async def targets() -> AsyncGenerator[tuple[int, int], None]:
    """Count resources without end."""
    number = 0
    while True:
        number += 1
        yield number, DATABASE


async def refresh(wire_format: FormatName, port: int) -> None:
    """Refresh without end and print what it costs."""
    parse, unparse = Timed(xmltodict.parse), Timed(xmltodict.unparse)
    in_place: Any = xmltodict
    in_place.parse, in_place.unparse = parse, unparse
    async with AltcraftClient(
        url_of(port), TOKEN, format=wire_format, poll=Soon(), connections=AT_ONCE
    ) as client:
        done, cpu, parsed = 0, time.process_time(), 0.0
        async for outcome in client.resources.refresh_many(targets(), in_flight=2 * AT_ONCE):
            assert isinstance(outcome, Completed)
            assert outcome.polls == POLLS_TO_THE_END
            done += 1
            if done == REFRESHES:
                each = (time.process_time() - cpu) / done
                parsing = (parse.seconds + unparse.seconds - parsed) / done
                figures = {"CPU µs per refresh": each * 1e6, "of it xmltodict µs": parsing * 1e6}
                print(json.dumps(figures), flush=True)
                parsed = parse.seconds + unparse.seconds
                done, cpu = 0, time.process_time()


class Timed:
    """A function that notes the CPU time that it takes."""

    def __init__(self, function: Callable[..., object]) -> None:
        """Begin at nothing."""
        self._function = function
        self.seconds = 0.0

    def __call__(self, *arguments: object, **options: object) -> object:
        """Call the function."""
        began = time.process_time()
        try:
            return self._function(*arguments, **options)
        finally:
            self.seconds += time.process_time() - began


if __name__ == "__main__":
    asyncio.run(refresh(cast("FormatName", sys.argv[1]), int(sys.argv[2])))
