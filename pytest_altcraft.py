"""The pytest plugin: a pretend platform, a client of it, and a clock that jumps.

It stands beside the package, because pytest loads it at every start, asked for
or not, and importing the package takes longer than that may. What a fixture
hands out is imported by the first test that asks for it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from altcraft_async import AltcraftClient
    from altcraft_async.simulator import PretendClock, ThreadedSimulator

__all__ = ["altcraft_client", "altcraft_clock", "altcraft_simulator"]

REAL_DURATION = 0.1
"""Seconds that a task takes where time is real; of a clock that jumps, any number is as good."""

_MARK = (
    "altcraft(client=None, **options): "
    "options of the `altcraft_simulator` of a test, and a dict of those of its `altcraft_client`"
)


def pytest_configure(config: pytest.Config) -> None:
    """Announce the mark."""
    config.addinivalue_line("markers", _MARK)


@pytest.fixture
def altcraft_simulator(request: pytest.FixtureRequest) -> Generator[ThreadedSimulator, None, None]:
    """A pretend Altcraft platform, listening on a port of this machine until the test is over.

    It runs in a thread of its own, so that sync tests and any event loop can
    use it. ``@pytest.mark.altcraft(duration=3600, resources=10)`` passes
    options on to it.
    """
    from altcraft_async.simulator import ThreadedSimulator

    options, _ = _marked(request)
    clock = _clock(request)
    if clock is None:
        options.setdefault("duration", REAL_DURATION)
    else:
        options.setdefault("clock", clock.time)
    with ThreadedSimulator(**options) as server:
        yield server


@pytest.fixture
def altcraft_client(
    request: pytest.FixtureRequest, altcraft_simulator: ThreadedSimulator
) -> Generator[AltcraftClient, None, None]:
    """A client of `altcraft_simulator`, closed in the event loop that it was used in.

    ``@pytest.mark.altcraft(client={"rate_limit": 10})`` passes options on to it.
    """
    from altcraft_async.integrations.pytest import client_of

    _, options = _marked(request)
    with client_of(altcraft_simulator, clock=_clock(request), **options) as client:
        yield client


@pytest.fixture
def altcraft_clock() -> PretendClock:
    """The time of `altcraft_simulator` and `altcraft_client` in tests that ask for it.

    It jumps to the next moment at which something is due as soon as nobody has
    anything to do, so that refreshes of a day are over in milliseconds. Without
    it, time is real. Give it to clients of your own with ``clock=``.
    """
    from altcraft_async.simulator import PretendClock

    return PretendClock()


def _clock(request: pytest.FixtureRequest) -> PretendClock | None:
    """Return the clock of a test that asks for it, itself or by a fixture of its own."""
    asked = "altcraft_clock" in request.fixturenames
    return request.getfixturevalue("altcraft_clock") if asked else None


def _marked(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of the simulator and of the client; the mark closest to the test wins."""
    options: dict[str, Any] = {}
    client: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("altcraft"))):
        if mark.args:
            msg = f"@pytest.mark.altcraft takes names only, such as duration=60, not {mark.args}"
            raise pytest.UsageError(msg)
        options |= mark.kwargs
        client |= options.pop("client", {})
    return options, client
