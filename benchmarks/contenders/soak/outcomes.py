"""Counts the outcomes of refreshes, and checks them against the platform's state."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Mapping, Sequence

import msgspec

from benchmarks.servers.bodies import CHANNELS
from benchmarks.servers.faulty_server import STATE_PATH
from benchmarks.servers.refreshes import expected_counters

_CLOSING = 2.0  # seconds in which the platform has to notice that connections were closed


class PlatformState(msgspec.Struct):
    """The state that the platform reports.

    Attributes:
        starts: Starts of each resource since the previous report.
        connections: Open connections besides the one that asks.
    """

    starts: dict[int, int]
    connections: int


class OutcomeCounts(msgspec.Struct):
    """All refreshes of a run, counted by outcome.

    Attributes:
        requested: Requested refreshes.
        correct: Results with the counters of their own resource and task.
        wrong: Results with other counters.
        duplicated: Outcomes beyond the first of a refresh.
        unresolved: Refreshes without an outcome.
        errors: Number of errors by kind.
        started_twice: Resources started more than once for one refresh.
        maybe_started: Errors that leave the start open, although it happened.
        start_denied: Errors that exclude the start, although it happened.
    """

    requested: int = 0
    correct: int = 0
    wrong: int = 0
    duplicated: int = 0
    unresolved: int = 0
    errors: dict[str, int] = {}
    started_twice: int = 0
    maybe_started: int = 0
    start_denied: int = 0


class RoundOutcomes:
    """The outcomes of a round, in which each resource is refreshed once."""

    def __init__(self, counts: OutcomeCounts, resources: Sequence[int]) -> None:
        """Expect an outcome of each of these resources."""
        self._counts = counts
        self._open = set(resources)
        self._maybe_started: set[int] = set()
        self._not_started: set[int] = set()
        counts.requested += len(resources)

    def completed(
        self, resource_id: int, task_id: str, channels: Mapping[str, Sequence[object]]
    ) -> None:
        """Check a result, which has to be of that resource and that task."""
        self._close(resource_id)
        expected = expected_counters(resource_id, task_id)
        if set(channels) == set(CHANNELS) and all(list(n) == expected for n in channels.values()):
            self._counts.correct += 1
        else:
            self._counts.wrong += 1

    def failed(self, resource_id: int, error: str, *, started: bool | None) -> None:
        """Count an error that says whether the task was started; ``None`` leaves it open."""
        self._close(resource_id)
        start = {True: "started", None: "maybe started", False: "not started"}[started]
        kind = f"{error}, {start}"
        self._counts.errors[kind] = self._counts.errors.get(kind, 0) + 1
        if started is None:
            self._maybe_started.add(resource_id)
        elif not started:
            self._not_started.add(resource_id)

    def end(self, starts: Mapping[int, int]) -> None:
        """Compare with the starts that the platform has counted."""
        counts = self._counts
        counts.unresolved += len(self._open)
        counts.started_twice += sum(count > 1 for count in starts.values())
        counts.maybe_started += len(self._maybe_started & starts.keys())
        counts.start_denied += len(self._not_started & starts.keys())

    def _close(self, resource_id: int) -> None:
        self._counts.duplicated += resource_id not in self._open
        self._open.discard(resource_id)


def platform_state(port: int) -> PlatformState:
    """Ask the platform for its state; this blocks the loop, so call it between rounds."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", STATE_PATH, b"")
    state = msgspec.convert(json.load(connection.getresponse()), PlatformState, strict=False)
    connection.close()
    return state


async def connections_left(port: int) -> int:
    """Return the number of connections that stay open at the platform."""
    async with asyncio.timeout(2 * _CLOSING):
        for _ in range(int(_CLOSING / 0.1)):
            if not platform_state(port).connections:
                break
            await asyncio.sleep(0.1)
        return platform_state(port).connections
