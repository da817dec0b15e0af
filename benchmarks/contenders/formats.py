"""One contender of the format comparison: prints the CPU time of a refresh, slice by slice.

``python -m benchmarks.contenders.formats json|xml PORT``. A refresh is a start
and three polls. The time within xmltodict is measured in place, because
parsing the same document in a loop would be faster from a warm CPU cache.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, Literal, cast

import xmltodict

from altcraft_async import AltcraftClient, Completed
from benchmarks.contenders.measurement import CONCURRENCY, TOKEN, url_of
from benchmarks.servers.bodies import DATABASE
from benchmarks.servers.platforms import POLLS_PER_REFRESH

REFRESHES = 100
"""In a slice."""


async def endless_targets() -> AsyncGenerator[tuple[int, int], None]:
    """Yield targets without end."""
    number = 0
    while True:
        number += 1
        yield number, DATABASE


async def refresh(wire_format: Literal["json", "xml"], port: int) -> None:
    """Refresh without end and print the cost."""
    parse, unparse = Timed(xmltodict.parse), Timed(xmltodict.unparse)
    module: Any = xmltodict
    module.parse, module.unparse = parse, unparse
    async with AltcraftClient(
        url_of(port), TOKEN, format=wire_format, poll=lambda _state: 0.0, connections=CONCURRENCY
    ) as client:
        targets, in_flight = endless_targets(), 2 * CONCURRENCY
        done, cpu, earlier = 0, time.process_time(), 0.0
        async for outcome in client.resources.refresh_many(targets, in_flight=in_flight):
            assert isinstance(outcome, Completed)
            assert outcome.polls == POLLS_PER_REFRESH
            done += 1
            if done == REFRESHES:
                each = (time.process_time() - cpu) / done
                within = (parse.seconds + unparse.seconds - earlier) / done
                measured = {"CPU µs per refresh": each * 1e6, "xmltodict µs of that": within * 1e6}
                print(json.dumps(measured), flush=True)
                earlier = parse.seconds + unparse.seconds
                done, cpu = 0, time.process_time()


class Timed:
    """A function whose CPU time is measured."""

    def __init__(self, function: Callable[..., object]) -> None:
        """Begin at zero."""
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
    asyncio.run(refresh(cast("Literal['json', 'xml']", sys.argv[1]), int(sys.argv[2])))
