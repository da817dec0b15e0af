"""Probes, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from altcraft_async import PlatformUnavailableError, TransportError
from altcraft_async.transport.breaker import (
    FIRST_DELAY,
    JITTER,
    LONGEST_DELAY,
    OPENS_AFTER,
    SILENCE,
)
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.outage import Outage
from tests.support.leftovers import let_go
from tests.support.loop_time import now

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

REFUSED = TransportError("connection refused")


@pytest.fixture
async def client_outage() -> AsyncGenerator[Outage, None]:
    """What a client does in an outage, without a client."""
    lifecycle = Lifecycle()
    lifecycle.enter()
    outage = Outage(lifecycle, patience=600.0, random=lambda: 0.0, notifier=None)
    yield outage
    await outage.aclose()


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
        sent = client_outage.sent()
        client_outage.failed(sent, REFUSED)
        client_outage.ended()

    client_outage.prober.probe = probe
    for _ in range(OPENS_AFTER):
        await probe()
    await let_go()
    assert client_outage.is_open
    with pytest.raises(PlatformUnavailableError):
        await client_outage.ready("tasks/status", 20 + early)
    assert now() == pytest.approx(20, abs=0.01)
    await client_outage.aclose()


async def test_prober_that_other_code_cancels_begins_again(client_outage: Outage) -> None:
    """As a call does that cancels all tasks."""
    client_outage.is_wanted = lambda: True
    probes: list[float] = []

    async def probe() -> None:
        probes.append(now())
        sent = client_outage.sent()
        client_outage.failed(sent, REFUSED)
        client_outage.ended()

    client_outage.prober.probe = probe
    for _ in range(OPENS_AFTER):
        await probe()
    await asyncio.sleep(10)
    before = len(probes)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(10)
    assert 10 / LONGEST_DELAY - 1 <= len(probes) - before <= 10 / LONGEST_DELAY + 1


async def test_hung_probe_that_other_code_cancels_opens_nothing(client_outage: Outage) -> None:

    async def probe() -> None:
        client_outage.sent()
        try:
            await asyncio.sleep(30)
        finally:
            client_outage.ended()

    client_outage.prober.probe = probe
    for _ in range(OPENS_AFTER):
        sent = client_outage.sent()
        client_outage.failed(sent, REFUSED)
        client_outage.ended()
    await asyncio.sleep(0.5)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(1)
    assert not client_outage.is_open


async def test_silence_after_an_answer_to_a_newer_request_is_noticed(client_outage: Outage) -> None:
    """The platform may vanish at any moment, with older requests still under way."""
    probes: list[float] = []

    async def probe() -> None:
        probes.append(now())
        await asyncio.sleep(100)

    client_outage.prober.probe = probe
    client_outage.sent()
    client_outage.sent()
    newest = client_outage.sent()
    await asyncio.sleep(0.1)
    client_outage.answered(newest)
    client_outage.ended()
    await asyncio.sleep(SILENCE + 1)
    assert len(probes) == 1


async def test_silences_that_turn_out_to_be_slow_answers_are_waited_for_longer(
    client_outage: Outage,
) -> None:
    """Sending slow requests again and again would make none of them succeed."""
    recovered: list[float] = []

    async def probe() -> None:
        client_outage.answered(client_outage.sent())
        client_outage.ended()

    client_outage.prober.probe = probe
    client_outage.heard_again = lambda _: recovered.append(now())
    client_outage.sent()
    client_outage.sent()
    await asyncio.sleep(100)
    assert 3 <= len(recovered) <= 6
    assert recovered[-1] - recovered[-2] > 4 * (recovered[1] - recovered[0])
