"""What became of each refresh, checked against what the platform knows."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Mapping, Sequence

import msgspec

from benchmarks.serving.bodies import CHANNELS
from benchmarks.serving.faulty import COUNTED
from benchmarks.serving.recounts import figures

_GOODBYE = 2.0  # seconds for closed connections to be gone on the other side too


class Counted(msgspec.Struct):
    """What the platform knows.

    Attributes:
        starts: How often each resource was started since it was last asked.
        connections: How many are open, not counting the asker's.
    """

    starts: dict[int, int]
    connections: int


class Tally(msgspec.Struct):
    """All refreshes of a run, by what became of them.

    Attributes:
        asked: How many there were to be.
        right: Brought the figures of their own resource and task.
        wrong: Brought others.
        repeated: Came out more than once.
        unresolved: Never came out.
        errors: By what they are.
        twice: Resources started more than once where one refresh was wanted.
        maybe: Failed because nobody can know whether they were started, and
        maybe_started: were so in truth.
        denied: Failed as surely not started, and were started all the same.
    """

    asked: int = 0
    right: int = 0
    wrong: int = 0
    repeated: int = 0
    unresolved: int = 0
    errors: dict[str, int] = {}
    twice: int = 0
    maybe: int = 0
    maybe_started: int = 0
    denied: int = 0


class Round:
    """Each resource is to be refreshed once."""

    def __init__(self, tally: Tally, resources: Sequence[int]) -> None:
        """Wait for outcomes of all of these."""
        self._tally = tally
        self._open = set(resources)
        self._maybe: set[int] = set()
        self._not_started: set[int] = set()
        tally.asked += len(resources)

    def completed(
        self, resource_id: int, task_id: str, channels: Mapping[str, Sequence[object]]
    ) -> None:
        """Check a result: it has to be of that resource, and of that task."""
        self._close(resource_id)
        wanted = figures(resource_id, task_id)
        if set(channels) == set(CHANNELS) and all(list(n) == wanted for n in channels.values()):
            self._tally.right += 1
        else:
            self._tally.wrong += 1

    def failed(self, resource_id: int, error: str, *, started: bool | None) -> None:
        """Note an error, and whether it says that the task was started; it may leave that open."""
        self._close(resource_id)
        words = {True: "started", None: "maybe started", False: "not started"}[started]
        kind = f"{error}, {words}"
        self._tally.errors[kind] = self._tally.errors.get(kind, 0) + 1
        if started is None:
            self._maybe.add(resource_id)
        elif not started:
            self._not_started.add(resource_id)

    def end(self, starts: Mapping[int, int]) -> None:
        """Compare with the starts that the platform has counted."""
        tally = self._tally
        tally.unresolved += len(self._open)
        tally.twice += sum(count > 1 for count in starts.values())
        tally.maybe += len(self._maybe)
        tally.maybe_started += len(self._maybe & starts.keys())
        tally.denied += len(self._not_started & starts.keys())

    def _close(self, resource_id: int) -> None:
        self._tally.repeated += resource_id not in self._open
        self._open.discard(resource_id)


def ask(port: int) -> Counted:
    """Ask the platform what it knows; nothing else may be going on, as this blocks."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", COUNTED, b"")
    counted = msgspec.convert(json.load(connection.getresponse()), Counted, strict=False)
    connection.close()
    return counted


async def connections_left(port: int) -> int:
    """Return how many connections stay open at the platform."""
    async with asyncio.timeout(2 * _GOODBYE):
        for _ in range(int(_GOODBYE / 0.1)):
            if not ask(port).connections:
                break
            await asyncio.sleep(0.1)
        return ask(port).connections
