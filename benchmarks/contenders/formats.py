"""One contender of the format benchmark: prints the CPU time of a whole refresh, slice by slice.

``python -m benchmarks.contenders.formats json|xml PORT``. A refresh is a
start, two looks that find it running and one that brings the result. What
xmltodict alone takes for these eight documents is measured right after each
slice, in the same process, so that it can be told from the library's share.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from typing import cast

import xmltodict

from altcraft_async import AltcraftClient, Completed, Seen
from altcraft_async.client import FormatName
from benchmarks.contenders.measuring import AT_ONCE, TOKEN, body_of, url_of
from benchmarks.serving.bodies import BODIES, DATABASE
from benchmarks.serving.platforms import LOOKS_TO_THE_END

REFRESHES = 100
"""In a slice."""

XML = BODIES["xml"]
START = {"token": TOKEN, "id": "24", "list_id": "1", "format": "xml"}
LOOK = {**body_of("00000024"), "format": "xml"}
ANSWERS = [XML.started % b"00000024", XML.running % 33, XML.running % 66, XML.completed]


class Soon:
    """Looks as often as the library allows."""

    def next_look(self, seen: Seen) -> float:  # noqa: ARG002 -- whatever was seen
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
    async with AltcraftClient(
        url_of(port), TOKEN, format=wire_format, poll=Soon(), connections=AT_ONCE
    ) as client:
        done, cpu = 0, time.process_time()
        async for outcome in client.resources.refresh_many(targets(), in_flight=2 * AT_ONCE):
            assert isinstance(outcome, Completed)
            assert outcome.polls == LOOKS_TO_THE_END
            done += 1
            if done == REFRESHES:
                each = (time.process_time() - cpu) / done
                parsing = xmltodict_seconds() if wire_format == "xml" else 0.0
                figures = {"CPU µs per refresh": each * 1e6, "of it xmltodict µs": parsing * 1e6}
                print(json.dumps(figures), flush=True)
                done, cpu = 0, time.process_time()


def xmltodict_seconds() -> float:
    """Return the CPU time that xmltodict takes for the documents of one refresh."""
    cpu = time.process_time()
    for _ in range(REFRESHES):
        for request in (START, *[LOOK] * LOOKS_TO_THE_END):
            xmltodict.unparse({"xml": cast("Mapping[str, object]", request)})
        for answer in ANSWERS:
            xmltodict.parse(answer)
    return (time.process_time() - cpu) / REFRESHES


if __name__ == "__main__":
    asyncio.run(refresh(cast("FormatName", sys.argv[1]), int(sys.argv[2])))
