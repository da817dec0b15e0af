"""A rate that shrinks when the server objects, and recovers."""

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
    """A rate that nobody limits lets everything through."""
    rate = Rate()
    for _ in range(1000):
        rate.sent(5.0)
    assert rate.wait(5.0) == 0
    assert rate.allowed(5.0) == math.inf


def test_place_is_taken_only_when_it_is_free() -> None:
    """At four a second, the second request of a moment has to come back for its place."""
    rate = Rate(4)
    assert rate.take(10.0)
    assert not rate.take(10.2)
    assert rate.take(10.25)
    assert rate.wait(10.25) == 0.25


def test_limit_spaces_requests_evenly() -> None:
    """At four a second, requests leave a quarter of a second apart."""
    times = send(Rate(4), 10.0, 20.0)
    assert len(times) == pytest.approx(40, abs=1)
    assert all(later - sooner >= 0.25 - 1e-9 for sooner, later in pairwise(times))


def test_objection_takes_three_tenths_and_time_gives_them_back() -> None:
    """After an objection the limited rate is lower, and whole again some six seconds later."""
    rate = Rate(10)
    send(rate, 100.0, 110.0)
    rate.refused(110.0)
    assert rate.allowed(110.0) == pytest.approx(7, rel=0.1)
    assert rate.allowed(113.0) < 10
    assert rate.allowed(120.0) == 10


def test_objection_to_an_unlimited_rate_makes_a_limit_of_what_it_was() -> None:
    """A server that objects to fifty a second is sent about thirty-five."""
    rate = Rate()
    for number in range(100):
        rate.sent(100 + number / 50)
    rate.refused(102.0)
    assert rate.allowed(102.0) == pytest.approx(35, rel=0.1)


def test_objection_in_a_calm_moment_leaves_room_for_what_was_borne_before() -> None:
    """One objection to a few requests does not make few of the hundreds that went well."""
    rate = Rate()
    for number in range(15_000):
        rate.sent(100 + number / 500)
    for number in range(100):
        rate.sent(130 + number / 10)
    rate.refused(140.0)
    assert rate.allowed(140.0) == pytest.approx(350, rel=0.1)


def test_what_was_borne_long_ago_does_not_count() -> None:
    """A server may be slower today than it was an hour ago."""
    rate = Rate()
    for number in range(5_000):
        rate.sent(100 + number / 500)
    for number in range(1_000):
        rate.sent(3600 + number / 10)
    rate.refused(3700.0)
    assert rate.allowed(3700.0) == pytest.approx(7, rel=0.1)


def test_objections_that_go_on_lower_the_rate_far() -> None:
    """A server that bears next to nothing now is met there within a quarter of a minute."""
    rate = Rate()
    for number in range(15_000):
        rate.sent(100 + number / 500)
    for second in range(15):
        rate.sent(130.0 + second)
        rate.refused(130.0 + second)
    assert rate.allowed(145.0) < 10


def test_objection_to_the_first_request_says_little_of_a_rate() -> None:
    """A client that has sent once is not made to send once in five seconds."""
    rate = Rate()
    rate.sent(100.0)
    rate.refused(110.0)
    assert rate.allowed(110.0) == pytest.approx(7)


def test_server_that_no_longer_objects_is_not_limited_for_ever() -> None:
    """Without another objection the limit goes away again."""
    rate = Rate()
    rate.sent(100.0)
    rate.refused(100.0)
    assert rate.allowed(101.0) < math.inf
    assert rate.allowed(200.0) == math.inf


def test_objections_to_what_was_under_way_together_count_once() -> None:
    """A hundred objections at the same time lower the rate once."""
    rate = Rate(10)
    send(rate, 100.0, 110.0)
    for _ in range(100):
        rate.refused(110.0)
    assert rate.allowed(110.0) > 6


def test_nothing_is_sent_before_the_server_wants_it() -> None:
    """A Retry-After holds everything back for so long."""
    rate = Rate()
    rate.sent(100.0)
    rate.refused(100.0, retry_after=7.0)
    assert rate.wait(100.0) == 7
    assert rate.wait(106.9) == pytest.approx(0.1)
    assert rate.wait(108.0) == 0


def test_throttling_server_is_met_at_its_rate() -> None:
    """Against a server that takes twenty a second, few requests are refused after a while."""
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
    """Whatever happens, requests go on, and never faster than the user allows."""
    rate, now = Rate(most), 1000.0
    for event, passed, retry_after in events:
        now += passed
        if event == "sent":
            rate.sent(now)
        else:
            rate.refused(now, retry_after)
        assert 0 < rate.allowed(now) <= most
        assert 0 <= rate.wait(now) < math.inf
