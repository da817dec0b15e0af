"""How many polls at once follow from what the answers take."""

from __future__ import annotations

import heapq
import math
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.transport.concurrency import LEAST, Concurrency

CORE = settings.get_profile("pure")

MOST = 256


class Platform:
    """Answers so many polls at once, each in so many seconds, behind a link; others queue."""

    def __init__(self, *, link: float, at_once: int = 10_000, seconds: float = 0.002) -> None:
        """Begin without polls."""
        self.link = link
        self.seconds = seconds
        self._free = [0.0] * at_once

    def answered_at(self, now: float) -> float:
        """Return when a poll that is sent now is answered."""
        began = max(heapq.heappop(self._free), now + self.link / 2)
        heapq.heappush(self._free, began + self.seconds)
        return began + self.seconds + self.link / 2


def play(
    concurrency: Concurrency, platform: Platform, *, seconds: float, now: float = 0.0
) -> deque[float]:
    """Keep as many polls under way as are allowed; return the newest latencies."""
    until = now + seconds
    running: list[tuple[float, float]] = []
    latencies: deque[float] = deque(maxlen=2 * MOST)
    while now < until:
        while len(running) < concurrency.limit:
            heapq.heappush(running, (platform.answered_at(now), now))
        now, began = heapq.heappop(running)
        latencies.append(now - began)
        concurrency.ended(began, now, is_reached=True)
    return latencies


@pytest.mark.parametrize("link", [0.02, 0.15, 0.5, 1.0])
def test_distant_platform_gets_all_polls_at_once_within_a_few_round_trips(link: float) -> None:
    concurrency = Concurrency(MOST)
    play(concurrency, Platform(link=link), seconds=6 * link)
    assert concurrency.limit == MOST


@CORE
@given(st.integers(1, 100), st.floats(0.001, 0.1), st.floats(0.0001, 0.5))
def test_polls_do_not_pile_up_at_a_busy_platform(at_once: int, seconds: float, link: float) -> None:
    concurrency = Concurrency(MOST)
    platform = Platform(link=link, at_once=at_once, seconds=seconds)
    latencies = play(concurrency, platform, seconds=30 * (link + seconds * MOST / at_once))
    queue = max(1.0, LEAST / at_once) * seconds
    assert max(latencies) <= 4.5 * (link + queue)
    assert concurrency.limit < MOST or at_once * (link + seconds) / seconds >= MOST / 4.5


@CORE
@given(st.integers(20, 100), st.floats(0.001, 0.1), st.floats(0.0001, 0.5))
def test_busy_platform_is_kept_busy(at_once: int, seconds: float, link: float) -> None:
    concurrency = Concurrency(MOST)
    platform = Platform(link=link, at_once=at_once, seconds=seconds)
    play(concurrency, platform, seconds=30 * (link + seconds * MOST / at_once))
    assert concurrency.limit >= min(at_once, MOST)


def test_limit_stays_where_no_poll_waits_for_it() -> None:
    concurrency = Concurrency(MOST)
    for number in range(1000):
        concurrency.ended(number, number + 0.15, is_reached=False)
    assert concurrency.limit == LEAST


def test_platform_that_gets_slower_for_good_gets_as_many_polls_again() -> None:
    concurrency, platform = Concurrency(MOST), Platform(link=0.05)
    play(concurrency, platform, seconds=5)
    platform.link = 0.4
    play(concurrency, platform, seconds=20, now=5)
    assert concurrency.limit == MOST


def fail(concurrency: Concurrency, share: float, polls: int, now: float = 0.0) -> None:
    """End polls of which every so many-th has failed."""
    for number in range(polls):
        if int((number + 1) * share) > int(number * share):
            concurrency.failed()
        concurrency.ended(now + number, now + number + 0.15, is_reached=True)


@pytest.mark.parametrize(("share", "expected"), [(0.05, MOST), (0.2, LEAST), (1.0, LEAST)])
def test_limit_falls_where_many_polls_fail(share: float, expected: int) -> None:
    concurrency = Concurrency(MOST)
    fail(concurrency, share, 1000)
    assert concurrency.limit == expected
    fail(concurrency, 0, 1000, now=1000.0)
    assert concurrency.limit == MOST


def test_polls_from_before_a_change_cause_no_second_one() -> None:
    concurrency, platform = Concurrency(MOST), Platform(link=0.05)
    play(concurrency, platform, seconds=5)
    for _ in range(MOST):
        concurrency.ended(5.0, 5.15, is_reached=True)
    assert concurrency.limit == pytest.approx(MOST * 2 * 0.052 / 0.15, abs=1)
    for _ in range(MOST):
        concurrency.failed()
        concurrency.ended(5.0, 5.15, is_reached=True)
    assert concurrency.limit > LEAST


@CORE
@given(
    st.integers(1, 1000),
    st.lists(
        st.tuples(st.floats(0, 1e6), st.floats(0, 100), st.booleans(), st.booleans()), max_size=300
    ),
)
def test_limit_is_never_exceeded_or_given_up(
    most: int, polls: list[tuple[float, float, bool, bool]]
) -> None:
    concurrency = Concurrency(most)
    for began, seconds, has_failed, is_reached in polls:
        if has_failed:
            concurrency.failed()
        concurrency.ended(began, began + seconds, is_reached=is_reached)
        assert min(LEAST, most) <= concurrency.limit <= most
        assert math.isfinite(concurrency.limit)
