"""The circuit breaker: a state machine of values, checked against a model."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from altcraft_async.errors import (
    AltcraftError,
    ApiError,
    ClientClosedError,
    ProtocolError,
    RequestTimeoutError,
    ServerError,
    TransportError,
)
from altcraft_async.transport.breaker import (
    FIRST_DELAY,
    JITTER,
    LONGEST_DELAY,
    OPENS_AFTER,
    SILENCE,
    STALE,
    Breaker,
    got_no_answer,
)

REFUSED = TransportError("connection refused")


def fail(breaker: Breaker, now: float = 100.0, times: int = OPENS_AFTER) -> bool:
    """Let requests fail; return whether the last of them asks for a probe."""
    asks = [breaker.failed(now, REFUSED, breaker.answers, now) for _ in range(times)]
    assert not any(asks[:-1])
    return asks[-1]


def probe(breaker: Breaker, now: float = 100.0, random: float = 0.0) -> bool:
    """Let a probe fail; return whether that opens the breaker."""
    breaker.failed(now, REFUSED, breaker.answers, now)
    return breaker.probe_ended(now, random)


def opened() -> Breaker:
    """Return an open breaker."""
    breaker = Breaker()
    fail(breaker)
    assert probe(breaker)
    return breaker


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TransportError("refused"), True),
        (RequestTimeoutError("late"), True),
        (TransportError("no free descriptor", local=True), False),
        (TransportError("wrong certificate", permanent=True), False),
        (ProtocolError("page", http_status=502), True),
        (ProtocolError("page", http_status=503), True),
        (ProtocolError("page", http_status=504), True),
        (ProtocolError("page", http_status=200), False),
        (ProtocolError("page", http_status=521), True),
        (ServerError("no envelope", code=503, http_status=503), True),
        (ServerError("refused with 17", code=17, http_status=503), False),
        (ServerError("refused with 500", code=500, http_status=500), False),
        (ServerError("refused with 503", code=503, http_status=200), False),
        (ApiError("refused"), False),
        (ClientClosedError("closed"), False),
    ],
    ids=str,
)
def test_what_counts_as_no_answer(error: AltcraftError, expected: bool) -> None:  # noqa: FBT001
    assert got_no_answer(error) is expected


def test_failures_in_a_row_and_a_failed_probe_open_it() -> None:
    breaker = Breaker()
    assert not fail(breaker, times=OPENS_AFTER - 1)
    assert fail(breaker, times=1)
    assert not breaker.is_open
    assert probe(breaker)
    assert breaker.is_open


def test_method_that_fails_alone_opens_nothing() -> None:
    breaker = Breaker()
    for _ in range(10):
        assert fail(breaker)
        breaker.answered(0.1)
        assert not breaker.probe_ended(100.0, 0.0)
    assert not breaker.is_open


def test_failed_probe_after_few_failures_opens_nothing() -> None:
    breaker = Breaker()
    fail(breaker, times=OPENS_AFTER - 2)
    assert not probe(breaker)
    assert probe(breaker)


def test_probe_that_was_not_sent_opens_nothing() -> None:
    breaker = Breaker()
    fail(breaker)
    assert not breaker.probe_ended(100.0, 0.0, is_sent=False)
    assert not breaker.is_open
    assert breaker.probe_at > 100


def test_answer_between_failures_keeps_it_closed() -> None:
    breaker = Breaker()
    for _ in range(10):
        fail(breaker, times=OPENS_AFTER - 1)
        assert not breaker.answered(0.1)
    assert not breaker.is_open


def test_failure_of_a_request_older_than_the_newest_answer_does_not_count() -> None:
    breaker = Breaker()
    answers = breaker.answers
    breaker.answered(0.1)
    for _ in range(2 * OPENS_AFTER):
        assert not breaker.failed(100.0, REFUSED, answers, 100.0)
    assert not breaker.failures


def test_it_knows_since_when_and_why() -> None:
    breaker = Breaker()
    fail(breaker, now=100.0, times=1)
    fail(breaker, now=103.0, times=OPENS_AFTER - 1)
    assert breaker.since == 100.0
    assert breaker.reason is REFUSED


def test_first_failure_allows_a_probe_at_once() -> None:
    breaker = Breaker()
    fail(breaker, now=100.0, times=1)
    assert breaker.failures
    assert breaker.probe_at == 100.0


def test_delays_between_probes_grow_to_a_bound() -> None:
    breaker, now, delays = Breaker(), 100.0, []
    fail(breaker, now=now)
    for _ in range(8):
        probe(breaker, now)
        delays.append(breaker.probe_at - now)
        now = breaker.probe_at
    assert delays == [0.25, 0.5, 1, 1.5, 1.5, 1.5, 1.5, 1.5]


def test_delay_is_jittered() -> None:
    breaker = Breaker()
    fail(breaker)
    probe(breaker, random=0.8)
    assert breaker.probe_at == pytest.approx(100 + FIRST_DELAY * (1 - JITTER * 0.8))


def test_answered_probe_closes_it() -> None:
    breaker = opened()
    assert breaker.answered(0.1)
    assert not breaker.probe_ended(101.0, 0.0)
    assert not breaker.is_open
    assert not breaker.failures


def test_failed_probe_keeps_it_open() -> None:
    breaker = opened()
    assert not probe(breaker, 101.0)
    assert breaker.is_open
    assert breaker.probe_at > 101


def test_delay_counts_from_the_sending_of_a_probe() -> None:
    breaker = opened()
    breaker.failed(102.0, REFUSED, breaker.answers, 100.5)
    breaker.probe_ended(100.5, 0.0)
    assert breaker.probe_at == 100.5 + 2 * FIRST_DELAY


def test_silence_and_a_failed_probe_open_it() -> None:
    breaker = Breaker()
    breaker.silent(105.0, 100.0, OPENS_AFTER - 1, REFUSED)
    assert breaker.since == 100
    assert breaker.probe_at == 105
    assert not breaker.is_open
    assert probe(breaker, 107.0)


def test_silence_of_few_requests_takes_several_probes_to_open_it() -> None:
    breaker = Breaker()
    breaker.silent(105.0, 100.0, 1, REFUSED)
    opens = [probe(breaker, now) for now in (107.0, 109.0, 111.0, 113.0)]
    assert opens == [False, False, False, True]


def test_silence_after_a_failure_keeps_the_earlier_beginning() -> None:
    breaker = Breaker()
    fail(breaker, now=90.0, times=1)
    breaker.silent(105.0, 100.0, 3, REFUSED)
    assert breaker.since == 90


def test_request_that_a_silence_has_counted_does_not_count_again() -> None:
    breaker = Breaker()
    breaker.silent(105.0, 100.0, 3, REFUSED)
    assert not breaker.failed(130.0, REFUSED, breaker.answers, 100.0)
    assert breaker.failures == 3
    breaker.failed(130.0, REFUSED, breaker.answers, 110.0)
    assert breaker.failures == 4


def test_slow_platform_may_be_silent_for_longer() -> None:
    breaker = Breaker()
    assert breaker.silence() == SILENCE
    breaker.answered(4.0)
    assert breaker.silence() == 12
    for _ in range(500):
        breaker.answered(0.01)
    assert breaker.silence() == SILENCE


class BreakerMachine(RuleBasedStateMachine):
    """Compares the breaker with a model: a count, three states and a list of delays."""

    def __init__(self) -> None:
        """Begin closed."""
        super().__init__()
        self.breaker = Breaker()
        self.now = 1000.0
        self.row = 0
        self.state = "closed"
        self.begun = 0.0
        self.counted = 0.0

    @rule(seconds=st.floats(0, 30))
    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    @rule(stale=st.booleans(), ago=st.floats(0, 30))
    def fail(self, stale: bool, ago: float = 0.0) -> None:  # noqa: FBT001
        """Let a request fail, perhaps one from before the newest answer."""
        sent_at = self.now - ago
        asks = self.breaker.failed(self.now, REFUSED, self.breaker.answers - stale, sent_at)
        if stale or sent_at < self.counted:
            assert not asks
            return
        self.begun = self.now if not self.row else self.begun
        self.row += 1
        assert asks == (self.state == "closed" and self.row >= OPENS_AFTER)

    @rule(seconds=st.floats(0, 30))
    def answer(self, seconds: float) -> None:
        """Let a request be answered."""
        assert self.breaker.answered(seconds) == (self.state != "closed")
        self.row, self.state = 0, "closed"

    @rule(seconds=st.floats(0, 30), requests=st.integers(1, 2 * OPENS_AFTER))
    def fall_silent(self, seconds: float, requests: int) -> None:
        """Let a silence be noticed."""
        since = self.now - seconds
        self.breaker.silent(self.now, since, requests, REFUSED)
        self.begun = since if not self.row else self.begun
        self.row = max(self.row, requests)
        self.counted = self.now

    @precondition(lambda self: self.row and self.breaker.probe_at <= self.now)
    @rule(
        ends=st.sampled_from(["answered", "failed", "late", "unsent"]),
        seconds=st.floats(0, 3),
        random=st.floats(0, 0.999),
    )
    def probe(self, ends: str, seconds: float, random: float) -> None:
        """Send a probe and note its outcome."""
        sent_at, self.now = self.now, self.now + seconds
        match ends:
            case "answered":
                self.answer(seconds)
            case "failed":
                self.fail(stale=False, ago=seconds)
            case "late":
                self.fall_silent(seconds, self.row + 1)
            case _:
                pass
        opens = self.breaker.probe_ended(sent_at, random, is_sent=ends != "unsent")
        is_enough = self.row >= OPENS_AFTER and ends in ("failed", "late")
        assert opens == (self.state == "closed" and is_enough)
        if opens:
            self.state = "open"
        if self.row:
            assert sent_at < self.breaker.probe_at <= sent_at + LONGEST_DELAY

    @invariant()
    def agrees_with_the_model(self) -> None:
        """Both are in the same state."""
        assert self.breaker.is_open == (self.state != "closed")
        assert self.breaker.failures == self.row
        if self.row:
            assert self.breaker.since == self.begun
            assert self.breaker.probe_at <= self.now + LONGEST_DELAY


@pytest.mark.parametrize("tries", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_breaker_does_what_its_model_does(tries: int) -> None:
    pure = settings.get_profile("pure")
    run_state_machine_as_test(
        BreakerMachine, settings=settings(pure, max_examples=tries, stateful_step_count=40)
    )


def test_patience_counts_from_the_first_probe_after_a_long_pause() -> None:
    breaker = Breaker()
    breaker.failed(10.0, REFUSED, breaker.answers, 10.0)
    breaker.begin_probing(10.0 + STALE)
    assert breaker.since == 10.0
    breaker.begin_probing(11.0 + STALE)
    assert breaker.since == 11.0 + STALE
    breaker.answered(0.1)
    breaker.begin_probing(1e6)
    assert breaker.since == 11.0 + STALE
