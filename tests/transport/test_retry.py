"""Whether a failed request is retried, and when."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.errors import (
    AltcraftError,
    ApiError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    RequestTimeoutError,
    ServerError,
    TariffLimitError,
    TransportError,
)
from altcraft_async.transport.retry import (
    LONGEST_RETRY_AFTER,
    Retry,
    RetryBudget,
    backoff,
    is_passing,
    may_retry,
)

CORE = settings.get_profile("pure")


# The error, whether it may pass, whether a start may be retried after it.
TABLE: list[tuple[AltcraftError, bool, bool]] = [
    (TransportError("never connected"), True, True),
    (TransportError("reset", maybe_delivered=True), True, False),
    (TransportError("certificate", permanent=True), False, False),
    (RequestTimeoutError("slow", maybe_delivered=True), True, False),
    (ProtocolError("garbage"), True, True),
    (ProtocolError("garbage", maybe_delivered=True), True, False),
    (ProtocolError("redirect", permanent=True), False, False),
    (RateLimitedError("429", code=429), True, True),
    (RateLimitedError("429", code=429, retry_after=LONGEST_RETRY_AFTER), True, True),
    (RateLimitedError("429", code=429, retry_after=LONGEST_RETRY_AFTER + 1), False, False),
    (ServerError("503", code=503, maybe_delivered=True), True, False),
    (ServerError("503", code=503, retry_after=1e9), False, False),
    (ApiError("408", code=408, maybe_delivered=True), True, False),
    (ApiError("425", code=425, maybe_delivered=True), True, False),
    (ApiError("413", code=413), False, False),
    (ApiError("422", code=422), False, False),
    (ApiError("440", code=440), False, False),
    (BadRequestError("400", code=400), False, False),
    (AuthenticationError("401", code=401), False, False),
    (TariffLimitError("402", code=402), False, False),
    (PermissionDeniedError("403", code=403), False, False),
    (NotFoundError("404", code=404), False, False),
    (ClientClosedError("closed"), False, False),
    (ConfigurationError("wrong"), False, False),
]


@pytest.mark.parametrize(("error", "passing"), [row[:2] for row in TABLE], ids=repr)
def test_failure_is_retried_as_the_table_says(
    error: AltcraftError,
    passing: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    assert is_passing(error) is passing
    assert may_retry(error, starts=False) is passing


@pytest.mark.parametrize(("error", "passing", "start"), TABLE, ids=repr)
def test_start_is_retried_only_if_it_surely_was_not_acted_on(
    error: AltcraftError,
    passing: bool,  # noqa: FBT001 -- a column of the table
    start: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    """After an ambiguous failure only with ``ambiguous_starts``."""
    assert may_retry(error, starts=True) is start
    assert may_retry(error, starts=True, ambiguous_starts=True) is passing


@CORE
@given(
    st.integers(0, 10**6),
    st.none() | st.floats(0, LONGEST_RETRY_AFTER),
    st.floats(0, 1e308),
    st.floats(0, 1e308),
    st.floats(0, 1, exclude_max=True),
)
def test_backoff_lies_between_retry_after_and_the_ceiling(
    failures: int, asked: float | None, first: float, ceiling: float, random: float
) -> None:
    error = RateLimitedError("429", code=429, retry_after=asked)
    seconds = backoff(failures, error, Retry(first=first, ceiling=ceiling), random)
    assert math.isfinite(seconds)
    assert (asked or 0) <= seconds <= max(asked or 0, ceiling)


@pytest.mark.parametrize(("failures", "most"), [(0, 0.25), (1, 0.5), (2, 1.0), (20, 20.0)])
def test_backoff_doubles_up_to_the_ceiling(failures: int, most: float) -> None:
    error = TransportError("reset")
    assert backoff(failures, error, Retry(), 0.5) == most / 2
    assert backoff(failures, error, Retry(), 0.0) == 0


def test_backoff_without_an_error_is_jitter_alone() -> None:
    assert backoff(0, None, Retry(), 1.0) == Retry().first


def test_retry_budget_ends_after_a_hundred_retries_and_returns_with_successes() -> None:
    """Five requests that go well pay for one retry."""
    retry_budget = RetryBudget()
    assert [retry_budget.spend() for _ in range(101)] == [True] * 100 + [False]
    for _ in range(4):
        retry_budget.reward()
    assert not retry_budget.spend()
    retry_budget.reward()
    assert retry_budget.spend()


@CORE
@given(st.lists(st.booleans(), max_size=2000))
def test_retries_never_exceed_the_initial_and_the_earned_budget(rewards: list[bool]) -> None:
    retry_budget, retries = RetryBudget(), 0
    for rewarded in rewards:
        if rewarded:
            retry_budget.reward()
        else:
            retries += retry_budget.spend()
        assert 0 <= retry_budget.left <= RetryBudget.FULL
    assert retries * RetryBudget.COST <= RetryBudget.FULL + sum(rewards) * RetryBudget.REWARD


@pytest.mark.parametrize("attempts", [0, -1])
def test_fewer_than_one_attempt_is_refused(attempts: int) -> None:
    with pytest.raises(ConfigurationError, match=r"^attempts: "):
        Retry(attempts=attempts)


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_seconds_that_are_negative_or_not_finite_are_refused_by_name(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match=r"^first: "):
        Retry(first=seconds)
    with pytest.raises(ConfigurationError, match=r"^ceiling: "):
        Retry(ceiling=seconds)
    with pytest.raises(ConfigurationError, match=r"^total: "):
        Retry(total=seconds)
