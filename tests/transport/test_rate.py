"""A rate that shrinks when the server refuses requests, and recovers."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.transport.rate import Rate

CORE = settings.get_profile("pure")


def send(rate: Rate, now: float, until: float) -> list[float]:
    """Send as fast as the rate allows; return when."""
    times: list[float] = []
    while now < until:
        now += rate.wait(now)
        rate.sent(now)
        times.append(now)
        now += 1e-3
    return times


def test_without_a_limit_nothing_waits() -> None:
    rate = Rate()
    for _ in range(1000):
        rate.sent(5.0)
    assert rate.wait(5.0) == 0
    assert rate.allowed(5.0) == math.inf


def test_second_request_of_a_moment_has_to_wait() -> None:
    rate = Rate(4)
    assert rate.take(10.0)
    assert not rate.take(10.2)
    assert rate.take(10.25)
    assert rate.wait(10.25) == 0.25


def test_limit_spaces_requests_evenly() -> None:
    times = send(Rate(4), 10.0, 20.0)
    assert len(times) == pytest.approx(40, abs=1)
    assert all(later - sooner >= 0.25 - 1e-9 for sooner, later in pairwise(times))


def test_refusal_takes_three_tenths_of_the_rate_and_time_gives_them_back() -> None:
    rate = Rate(10)
    send(rate, 100.0, 110.0)
    rate.refused(110.0)
    assert rate.allowed(110.0) == pytest.approx(7, rel=0.1)
    assert rate.allowed(113.0) < 10
    assert rate.allowed(120.0) == 10


def test_refusal_without_a_limit_takes_three_tenths_of_the_present_rate() -> None:
    rate = Rate()
    for number in range(100):
        rate.sent(100 + number / 50)
    rate.refused(102.0)
    assert rate.allowed(102.0) == pytest.approx(35, rel=0.1)


def test_refusal_in_a_quiet_moment_keeps_most_of_a_rate_sustained_before() -> None:
    rate = Rate()
    for number in range(15_000):
        rate.sent(100 + number / 500)
    for number in range(100):
        rate.sent(130 + number / 10)
    rate.refused(140.0)
    assert rate.allowed(140.0) == pytest.approx(350, rel=0.1)


def test_rate_sustained_an_hour_ago_does_not_count() -> None:
    rate = Rate()
    for number in range(5_000):
        rate.sent(100 + number / 500)
    for number in range(1_000):
        rate.sent(3600 + number / 10)
    rate.refused(3700.0)
    assert rate.allowed(3700.0) == pytest.approx(7, rel=0.1)


def test_refusals_that_go_on_lower_the_rate_far() -> None:
    rate = Rate()
    for number in range(15_000):
        rate.sent(100 + number / 500)
    for second in range(15):
        rate.sent(130.0 + second)
        rate.refused(130.0 + second)
    assert rate.allowed(145.0) < 10


def test_refusal_of_the_first_request_leaves_a_usable_rate() -> None:
    rate = Rate()
    rate.sent(100.0)
    rate.refused(110.0)
    assert rate.allowed(110.0) == pytest.approx(7)


def test_limit_goes_away_without_another_refusal() -> None:
    rate = Rate()
    rate.sent(100.0)
    rate.refused(100.0)
    assert rate.allowed(101.0) < math.inf
    assert rate.allowed(200.0) == math.inf


def test_refusals_at_the_same_time_count_once() -> None:
    rate = Rate(10)
    send(rate, 100.0, 110.0)
    for _ in range(100):
        rate.refused(110.0)
    assert rate.allowed(110.0) > 6


def test_nothing_is_sent_before_retry_after() -> None:
    rate = Rate()
    rate.sent(100.0)
    rate.refused(100.0, retry_after=7.0)
    assert rate.wait(100.0) == 7
    assert rate.wait(106.9) == pytest.approx(0.1)
    assert rate.wait(108.0) == 0


def test_throttling_server_refuses_few_requests_after_a_while() -> None:
    rate, tokens, refused, sent = Rate(), 20.0, 0, 0
    now = last = 1000.0
    while now < 1300.0:
        now += max(rate.wait(now), 1e-3)
        tokens = min(20.0, tokens + 20 * (now - last))
        last = now
        rate.sent(now)
        if now > 1020.0:
            sent += 1
        if tokens >= 1:
            tokens -= 1
            continue
        rate.refused(now)
        if now > 1020.0:
            refused += 1
    assert refused < 0.05 * sent
    assert 0.8 * 20 * 280 < sent - refused <= 20 * 280


@CORE
@given(
    st.one_of(st.just(math.inf), st.floats(0.01, 1e4)),
    st.lists(
        st.tuples(st.sampled_from(["sent", "refused"]), st.floats(0, 100), st.floats(0, 120)),
        max_size=50,
    ),
)
def test_rate_is_positive_and_never_above_the_limit(
    most: float, events: list[tuple[str, float, float]]
) -> None:
    rate, now = Rate(most), 1000.0
    for event, passed, retry_after in events:
        now += passed
        if event == "sent":
            rate.sent(now)
        else:
            rate.refused(now, retry_after)
        assert 0 < rate.allowed(now) <= most
        assert 0 <= rate.wait(now) < math.inf
