"""Which errors lead to another attempt, and after which delay."""

from __future__ import annotations

import pytest

from altcraft_async import ConfigurationError, LedgerError, TaskRef
from altcraft_async.errors import (
    AltcraftError,
    ApiError,
    AuthenticationError,
    ClientClosedError,
    NotFoundError,
    PollingError,
    ProtocolError,
    RateLimitedError,
    ServerError,
    StartUnknownError,
    TaskFailedError,
    TransportError,
)
from altcraft_async.integrations._taskiq.outcomes import delay_after, may_pass

REF = TaskRef(task_id="t1")


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (LedgerError("x"), True),
        (PollingError("x", ref=REF), True),
        (RateLimitedError("x"), True),
        (TransportError("x"), True),
        (TransportError("x", maybe_delivered=True), True),
        (ServerError("x", maybe_delivered=True), True),
        (ProtocolError("x", maybe_delivered=True), True),
        (TransportError("x", permanent=True), False),
        (ProtocolError("x", maybe_delivered=True, permanent=True), False),
        (ProtocolError("x"), False),
        (ServerError("x"), False),
        (ApiError("x", code=7), False),
        (AuthenticationError("x"), False),
        (NotFoundError("x"), False),
        (ConfigurationError("x"), False),
        (TaskFailedError("x", ref=REF), False),
        (StartUnknownError("x", entries=()), False),
        (ClientClosedError("x"), False),
    ],
)
def test_only_errors_that_may_pass_lead_to_another_attempt(
    error: AltcraftError, *, passes: bool
) -> None:
    assert may_pass(error) is passes


def test_delays_grow_to_half_a_minute() -> None:
    assert [delay_after(failures) for failures in (1, 2, 3, 6, 10_000)] == [1, 2, 4, 30, 30]
