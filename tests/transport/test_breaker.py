"""The circuit breaker: a state machine of values, checked against a model."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

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
    asks = [breaker.failed(now, REFUSED, breaker.answers) for _ in range(times)]
    assert not any(asks[:-1])
    return asks[-1]


def probe(breaker: Breaker, now: float = 100.0, random: float = 0.0) -> bool:
    """Let a probe fail; return whether that opens the breaker."""
    breaker.probe_sent()
    breaker.failed(now, REFUSED, breaker.answers)
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
        (ServerError("refused with 503", code=503, http_status=503), False),
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
        breaker.probe_sent()
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
    breaker.probe_sent()
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
        assert not breaker.failed(100.0, REFUSED, answers)
    assert breaker.is_clear


def test_it_knows_since_when_and_why() -> None:
    breaker = Breaker()
    fail(breaker, now=100.0, times=1)
    fail(breaker, now=103.0, times=OPENS_AFTER - 1)
    assert breaker.since == 100.0
    assert breaker.reason is REFUSED


def test_first_failure_allows_a_probe_at_once() -> None:
    breaker = Breaker()
    fail(breaker, now=100.0, times=1)
    assert not breaker.is_clear
    assert breaker.may_probe(100.0)


def test_one_probe_at_a_time() -> None:
    breaker = opened()
    assert not breaker.may_probe(100.0)
    assert breaker.may_probe(100.0 + FIRST_DELAY)
    breaker.probe_sent()
    assert not breaker.may_probe(200.0)


def test_delays_between_probes_grow_to_a_bound() -> None:
    breaker, now, delays = Breaker(), 100.0, []
    fail(breaker, now=now)
    for _ in range(8):
        probe(breaker, now)
        delays.append(breaker.probe_at - now)
        now = breaker.probe_at
    assert delays == [0.25, 0.5, 1, 2, 2, 2, 2, 2]


def test_delay_is_jittered() -> None:
    breaker = Breaker()
    fail(breaker)
    probe(breaker, random=0.8)
    assert breaker.probe_at == pytest.approx(100 + FIRST_DELAY * (1 - JITTER * 0.8))


def test_answered_probe_closes_it() -> None:
    breaker = opened()
    breaker.probe_sent()
    assert breaker.answered(0.1)
    assert not breaker.probe_ended(101.0, 0.0)
    assert not breaker.is_open
    assert breaker.is_clear


def test_failed_probe_keeps_it_open() -> None:
    breaker = opened()
    assert not probe(breaker, 101.0)
    assert breaker.is_open
    assert breaker.probe_at > 101


def test_silence_opens_it_once() -> None:
    breaker = Breaker()
    assert breaker.silent(105.0, 100.0, REFUSED, 0.0)
    assert breaker.since == 100
    assert not breaker.silent(106.0, 100.0, REFUSED, 0.0)


def test_silence_after_a_failure_keeps_the_earlier_beginning() -> None:
    breaker = Breaker()
    fail(breaker, now=90.0, times=1)
    assert breaker.silent(105.0, 100.0, REFUSED, 0.0)
    assert breaker.since == 90


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

    @rule(seconds=st.floats(0, 30))
    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    @rule(stale=st.booleans())
    def fail(self, stale: bool) -> None:  # noqa: FBT001
        """Let a request fail, perhaps one from before the newest answer."""
        asks = self.breaker.failed(self.now, REFUSED, self.breaker.answers - stale)
        if stale:
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

    @rule(seconds=st.floats(0, 30), random=st.floats(0, 1, exclude_max=True))
    def fall_silent(self, seconds: float, random: float) -> None:
        """Let a silence be noticed."""
        since = self.now - seconds
        assert self.breaker.silent(self.now, since, REFUSED, random) == (self.state == "closed")
        if self.state == "closed":
            self.begun = since if not self.row else self.begun
            self.row += 1
            self.state = "open"

    @precondition(lambda self: self.breaker.may_probe(self.now))
    @rule(ends=st.sampled_from(["answered", "failed", "unsent"]), random=st.floats(0, 0.999))
    def probe(self, ends: str, random: float) -> None:
        """Send a probe and note its outcome."""
        self.breaker.probe_sent()
        assert not self.breaker.may_probe(self.now)
        match ends:
            case "answered":
                self.answer(0.1)
            case "failed":
                self.fail(stale=False)
            case _:
                pass
        opens = self.breaker.probe_ended(self.now, random, is_sent=ends != "unsent")
        is_enough = self.row >= OPENS_AFTER and ends == "failed"
        assert opens == (self.state == "closed" and is_enough)
        if opens:
            self.state = "open"
        if self.row:
            assert self.now < self.breaker.probe_at <= self.now + LONGEST_DELAY

    @invariant()
    def agrees_with_the_model(self) -> None:
        """Both are in the same state."""
        assert self.breaker.is_open == (self.state != "closed")
        assert self.breaker.is_clear == (self.row == 0)
        assert self.breaker.failures == self.row
        if self.row:
            assert self.breaker.since == self.begun
            assert self.breaker.probe_at <= self.now + LONGEST_DELAY


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(
    settings.get_profile("pure"), max_examples=100, stateful_step_count=40
)


def test_patience_counts_from_the_first_probe_after_a_long_pause() -> None:
    breaker = Breaker()
    breaker.failed(10.0, REFUSED, breaker.answers)
    breaker.begin_probing(10.0 + STALE)
    assert breaker.since == 10.0
    breaker.begin_probing(11.0 + STALE)
    assert breaker.since == 11.0 + STALE
    breaker.answered(0.1)
    breaker.begin_probing(1e6)
    assert breaker.since == 11.0 + STALE
