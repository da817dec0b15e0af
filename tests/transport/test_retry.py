"""Whether a failed request is repeated, and when."""

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


# The error, whether it may pass, whether a start may be repeated after it.
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
def test_failure_passes_as_the_table_says(
    error: AltcraftError,
    passing: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    """A failure is worth a repeat only where a little time can cure it."""
    assert is_passing(error) is passing
    assert may_retry(error, starts=False) is passing


@pytest.mark.parametrize(("error", "passing", "start"), TABLE, ids=repr)
def test_start_is_repeated_only_where_it_surely_was_not_acted_on(
    error: AltcraftError,
    passing: bool,  # noqa: FBT001 -- a column of the table
    start: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    """A start is repeated after an ambiguous failure only for callers who opted in."""
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
def test_backoff_stays_between_what_was_asked_and_the_ceiling(
    failures: int, asked: float | None, first: float, ceiling: float, chance: float
) -> None:
    """No pause is negative, endless, above its ceiling or below the server's Retry-After."""
    error = RateLimitedError("429", code=429, retry_after=asked)
    seconds = backoff(failures, error, Retry(first=first, ceiling=ceiling), chance)
    assert math.isfinite(seconds)
    assert (asked or 0) <= seconds <= max(asked or 0, ceiling)


@pytest.mark.parametrize(("failures", "most"), [(0, 0.25), (1, 0.5), (2, 1.0), (20, 20.0)])
def test_backoff_doubles_up_to_the_ceiling(failures: int, most: float) -> None:
    """Full jitter spreads a pause over all of a scale that doubles."""
    error = TransportError("reset")
    assert backoff(failures, error, Retry(), 0.5) == most / 2
    assert backoff(failures, error, Retry(), 0.0) == 0


def test_backoff_without_an_error_is_jitter_alone() -> None:
    """What says nothing of waiting asks for nothing."""
    assert backoff(0, None, Retry(), 1.0) == Retry().first


def test_quota_ends_after_a_hundred_repeats_and_comes_back_with_successes() -> None:
    """Five requests that go well pay for one repeat."""
    retry_budget = RetryBudget()
    assert [retry_budget.spend() for _ in range(101)] == [True] * 100 + [False]
    for _ in range(4):
        retry_budget.reward()
    assert not retry_budget.spend()
    retry_budget.reward()
    assert retry_budget.spend()


@CORE
@given(st.lists(st.booleans(), max_size=2000))
def test_quota_never_pays_for_more_than_it_has(rewards: list[bool]) -> None:
    """Whatever comes, repeats stay within what is there at first and what was earned."""
    retry_budget, repeats = RetryBudget(), 0
    for rewarded in rewards:
        if rewarded:
            retry_budget.reward()
        else:
            repeats += retry_budget.spend()
        assert 0 <= retry_budget.left <= RetryBudget.FULL
    assert repeats * RetryBudget.COST <= RetryBudget.FULL + sum(rewards) * RetryBudget.REWARD


@pytest.mark.parametrize("attempts", [0, -1])
def test_fewer_than_one_attempt_is_refused(attempts: int) -> None:
    """The first request counts as an attempt."""
    with pytest.raises(ConfigurationError, match=r"^attempts: "):
        Retry(attempts=attempts)


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_retry_that_could_not_be_obeyed_is_refused(seconds: float) -> None:
    """Every number of seconds is finite and not negative, and the error names it."""
    with pytest.raises(ConfigurationError, match=r"^first: "):
        Retry(first=seconds)
    with pytest.raises(ConfigurationError, match=r"^ceiling: "):
        Retry(ceiling=seconds)
    with pytest.raises(ConfigurationError, match=r"^total: "):
        Retry(total=seconds)
