"""Probes, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from altcraft_async import PlatformUnavailableError, TransportError
from altcraft_async.transport.breaker import FIRST_DELAY, JITTER, OPENS_AFTER
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.outage import Outage
from tests.support.loop_time import now

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

REFUSED = TransportError("connection refused")


async def test_timers_that_come_early_keep_neither_the_prober_nor_a_waiter_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Time moves by whole microseconds here, to just before the moments to wait for."""
    tick, early = 1e-6, 3e-10
    jitter = (tick - early) / (FIRST_DELAY * JITTER)
    lifecycle = Lifecycle()
    lifecycle.enter()
    reads = iter(range(1000))

    def time() -> float:
        next(reads)  # an error instead of a test without an end
        return now()

    monkeypatch.setattr(lifecycle, "time", time)
    client_outage = Outage(lifecycle, patience=600.0, random=lambda: jitter, notifier=None)

    async def probe() -> None:
        client_outage.failed(client_outage.sent(), REFUSED)
        client_outage.ended()

    client_outage.prober.probe = probe
    for _ in range(OPENS_AFTER):
        await probe()
    await asyncio.sleep(0)
    assert client_outage.is_open
    with pytest.raises(PlatformUnavailableError):
        await client_outage.ready("tasks/status", 20 + early)
    assert now() == pytest.approx(20, abs=0.01)
    await client_outage.aclose()
