"""A rate that follows what the server accepts."""

from __future__ import annotations

import math
from itertools import count, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.transport.rate import PERSISTS_AFTER, RETURN_SECONDS, Rate

NUMBERS = count()
"""Stand for requests, each one sent once."""

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


def second(rate: Rate, now: float, *, sent: int, refused: int, retry_after: float = 0.0) -> float:
    """Spread requests over a second, of which the last are refused; return when it ends."""
    for number in range(sent):
        rate.sent(now + number / sent)
    for _ in range(sent - refused):
        rate.accepted(next(NUMBERS))
    for _ in range(refused):
        rate.refused(now + 1, next(NUMBERS), retry_after)
    return now + 1


def test_stray_refusals_change_nothing() -> None:
    """With 2 % refused each second, an unlimited rate stays unlimited."""
    rate, now = Rate(), 100.0
    for _ in range(60):
        now = second(rate, now, sent=500, refused=10)
    assert rate.allowed(now) == math.inf


def test_rate_falls_to_what_was_accepted() -> None:
    rate = Rate()
    now = second(rate, 100.0, sent=500, refused=400)
    assert rate.allowed(now) == pytest.approx(95, rel=0.01)


def test_rate_is_back_at_what_was_accepted_two_seconds_after_a_cut() -> None:
    rate = Rate()
    now = second(rate, 100.0, sent=500, refused=400)
    assert rate.allowed(now + 1) > 99
    assert rate.allowed(now + RETURN_SECONDS) == pytest.approx(100)


def test_rate_probes_above_its_target_after_a_while() -> None:
    rate = Rate()
    now = second(rate, 100.0, sent=500, refused=400)
    assert 100 < rate.allowed(now + 4) < 110
    assert rate.allowed(now + 10) > 150


def test_confirmed_target_is_kept_for_longer() -> None:
    rate = Rate()
    now = second(rate, 100.0, sent=500, refused=400)
    growth = rate.allowed(now + 6) / rate.allowed(now + RETURN_SECONDS)
    now = second(rate, now + 5, sent=109, refused=9)
    slower = rate.allowed(now + 6) / rate.allowed(now + RETURN_SECONDS)
    assert 1 < slower < growth
    now = second(rate, now + 60, sent=500, refused=100)
    assert rate.allowed(now + 6) / rate.allowed(now + RETURN_SECONDS) == pytest.approx(growth)


def test_rate_that_has_grown_to_a_strict_limit_falls_little() -> None:
    """A server without a burst refuses every second request just above its limit."""
    rate = Rate()
    now = second(rate, 100.0, sent=500, refused=400)
    now = second(rate, now + 4, sent=109, refused=54)
    assert 85 < rate.allowed(now + RETURN_SECONDS) < 105


def test_limit_that_is_never_met_again_is_forgotten() -> None:
    rate = Rate()
    now = second(rate, 100.0, sent=500, refused=400)
    assert rate.allowed(now + 60) == math.inf


def test_refusals_that_do_not_depend_on_the_rate_bring_the_former_rate_back() -> None:
    """A fifth refused at 500 a second and a fifth at 400: the rate is not the reason."""
    rate = Rate()
    now = second(rate, 100.0, sent=500, refused=100)
    assert rate.allowed(now) < 400
    now = second(rate, now, sent=380, refused=76)
    assert rate.allowed(now) == math.inf
    now = second(rate, now, sent=500, refused=100)
    assert rate.allowed(now) == math.inf


def test_limited_rate_comes_back_to_its_limit_when_refusals_were_stray() -> None:
    rate = Rate(500)
    now = second(rate, 100.0, sent=500, refused=100)
    now = second(rate, now, sent=380, refused=76)
    assert rate.allowed(now) == 500


def test_refusals_are_not_stray_if_as_many_requests_were_sent() -> None:
    rate = Rate()
    now = second(rate, 100.0, sent=500, refused=100)
    now = second(rate, now, sent=500, refused=100)
    assert rate.allowed(now) < 400


def test_stray_share_is_tested_again_after_a_while() -> None:
    rate = Rate()
    now = second(rate, 100.0, sent=500, refused=100)
    second(rate, now, sent=380, refused=76)
    now = second(rate, 130.0, sent=500, refused=100)
    assert rate.allowed(now) < 400


def test_server_that_accepts_nothing_gets_half_of_what_was_sent() -> None:
    rate = Rate()
    now = second(rate, 100.0, sent=100, refused=100)
    assert rate.allowed(now) == pytest.approx(47.5, rel=0.01)


def test_target_that_is_refused_again_and_again_slows_down_nothing_else() -> None:
    """Few requests a second, so that its refusals are a large share of them."""
    rate, now = Rate(), 100.0
    for number in range(300):
        now += 0.2
        rate.sent(now)
        if number % 3:
            rate.accepted(number)
        else:
            rate.refused(now, "locked", retry_after=30.0)
    assert rate.allowed(now) == math.inf
    assert rate.wait(now) == 0


def test_request_that_is_refused_while_no_other_is_accepted_slows_down_all() -> None:
    rate, now = Rate(), 100.0
    for _ in range(10):
        now += 0.2
        rate.sent(now)
        rate.refused(now, "the only one", retry_after=30.0)
    assert rate.allowed(now) < 5
    assert rate.wait(now) > 25


def test_request_that_was_accepted_meanwhile_counts_when_it_is_refused_again() -> None:
    rate, now = Rate(), 100.0
    for _ in range(20):
        now += 0.2
        for number in range(10):
            rate.sent(now)
            rate.refused(now, number)
            rate.accepted(number)
    assert rate.allowed(now) < math.inf


def test_number_of_refused_requests_that_are_remembered_is_bounded() -> None:
    rate = Rate()
    for number in range(5000):
        rate.refused(100.0, number)
    assert len(rate._refusing) <= 1000


def test_few_refusals_in_a_short_time_decide_nothing() -> None:
    """Below half a second, or below five answers in a longer time, no share is told."""
    rate = Rate()
    rate.sent(100.0)
    for _ in range(50):
        rate.refused(100.1, next(NUMBERS))
    assert rate.allowed(100.1) == math.inf
    rate = Rate()
    rate.sent(100.0)
    for _ in range(4):
        rate.refused(105.0, next(NUMBERS))
    assert rate.allowed(105.0) == math.inf


def test_single_retry_after_holds_up_no_other_request() -> None:
    rate = Rate()
    rate.sent(100.0)
    rate.refused(100.0, next(NUMBERS), retry_after=7.0)
    assert rate.wait(100.0) == 0


def test_retry_after_holds_up_all_requests_when_refusals_persist() -> None:
    rate = Rate()
    rate.sent(100.0)
    for _ in range(PERSISTS_AFTER):
        rate.refused(100.0, next(NUMBERS), retry_after=7.0)
    assert rate.wait(100.0) == 7
    assert rate.wait(106.9) == pytest.approx(0.1)
    assert rate.wait(108.0) == 0


def test_accepted_request_ends_a_row_of_refusals() -> None:
    rate = Rate()
    rate.sent(100.0)
    for _ in range(PERSISTS_AFTER * 2):
        rate.refused(100.0, next(NUMBERS), retry_after=7.0)
        rate.accepted(next(NUMBERS))
    assert rate.wait(100.0) == 0


def test_rate_begins_slowly_after_an_outage_and_is_back_within_seconds() -> None:
    rate = Rate(200)
    second(rate, 100.0, sent=200, refused=0)
    rate.ramp(130.0)
    assert rate.allowed(130.0) == 20
    assert rate.allowed(132.0) == 200
    unlimited = Rate()
    unlimited.ramp(130.0)
    assert unlimited.allowed(130.0) == 20
    assert unlimited.allowed(160.0) == math.inf


def test_throttling_server_refuses_few_requests_after_a_while() -> None:
    rate, tokens, refused, sent = Rate(), 20.0, 0, 0
    now = last = 1000.0
    while now < 1300.0:
        now += max(rate.wait(now), 1e-3)
        tokens = min(20.0, tokens + 20 * (now - last))
        last = now
        rate.sent(now)
        sent += now > 1020.0
        if tokens >= 1:
            tokens -= 1
            rate.accepted(next(NUMBERS))
            continue
        rate.refused(now, next(NUMBERS))
        refused += now > 1020.0
    assert refused < 0.05 * sent
    assert 0.9 * 20 * 280 < sent - refused <= 20 * 280 + 20  # the bucket holds twenty


@CORE
@given(
    st.one_of(st.just(math.inf), st.floats(0.01, 1e4)),
    st.lists(
        st.tuples(
            st.sampled_from(["sent", "accepted", "refused", "ramp"]),
            st.floats(0, 100),
            st.floats(0, 120),
        ),
        max_size=50,
    ),
)
def test_rate_is_positive_and_never_above_the_limit(
    most: float, events: list[tuple[str, float, float]]
) -> None:
    rate, now = Rate(most), 1000.0
    for event, passed, retry_after in events:
        now += passed
        match event:
            case "sent":
                rate.sent(now)
            case "accepted":
                rate.accepted(next(NUMBERS))
            case "refused":
                rate.refused(now, next(NUMBERS), retry_after)
            case _:
                rate.ramp(now)
        assert 0 < rate.allowed(now) <= most
        assert 0 <= rate.wait(now) < math.inf
