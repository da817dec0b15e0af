"""The pytest plugin: fixtures for a simulator, a client of it, and a clock that jumps.

pytest loads this module at every start, so it is outside the package and imports nothing
of it. Each fixture imports what it returns.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from altcraft_async import AltcraftClient
    from altcraft_async.simulator import PretendClock, ThreadedSimulator

__all__ = ["altcraft_client", "altcraft_clock", "altcraft_simulator"]

_REAL_DURATION = 0.1
"""Seconds that a task takes in real time."""

_MARKER = (
    "altcraft(client=None, **options): "
    "options of the test's `altcraft_simulator`; `client` is a dict of options of its "
    "`altcraft_client`"
)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def altcraft_simulator(request: pytest.FixtureRequest) -> Generator[ThreadedSimulator, None, None]:
    """A simulator of the Altcraft platform that listens on a local port during the test.

    It runs in a thread of its own, so sync tests and any event loop can use it.
    ``@pytest.mark.altcraft(duration=3600, resources=10)`` passes options to it.
    """
    from altcraft_async.simulator import ThreadedSimulator

    options, _ = _marker_options(request)
    clock = _clock(request)
    if clock is None:
        options.setdefault("duration", _REAL_DURATION)
    else:
        options.setdefault("clock", clock.time)
    with ThreadedSimulator(**options) as server:
        yield server


@pytest.fixture
def altcraft_client(
    request: pytest.FixtureRequest, altcraft_simulator: ThreadedSimulator
) -> Generator[AltcraftClient, None, None]:
    """A client of `altcraft_simulator`, closed in the event loop that used it.

    ``@pytest.mark.altcraft(client={"rate_limit": 10})`` passes options to it.
    """
    from altcraft_async.integrations.pytest import client_of

    _, options = _marker_options(request)
    with client_of(altcraft_simulator, clock=_clock(request), **options) as client:
        yield client


@pytest.fixture
def altcraft_clock() -> PretendClock:
    """The clock of `altcraft_simulator` and `altcraft_client`, if the test requests it.

    It jumps to the next due moment as soon as client and simulator are idle, so a refresh
    of a day ends in milliseconds. A test without it runs in real time. Pass it to your own
    clients as ``clock=``.
    """
    from altcraft_async.simulator import PretendClock

    return PretendClock()


def _clock(request: pytest.FixtureRequest) -> PretendClock | None:
    """Return the clock if the test or one of its fixtures requests it."""
    is_requested = "altcraft_clock" in request.fixturenames
    return request.getfixturevalue("altcraft_clock") if is_requested else None


def _marker_options(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of simulator and client; the closest marker overrides the others."""
    options: dict[str, Any] = {}
    client: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("altcraft"))):
        if mark.args:
            msg = f"altcraft: the mark takes keyword arguments such as duration=60, not {mark.args}"
            raise pytest.UsageError(msg)
        options |= mark.kwargs
        client |= options.pop("client", {})
    return options, client
