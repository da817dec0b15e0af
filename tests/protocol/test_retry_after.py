"""``Retry-After`` as seconds."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altcraft_async.errors import AltcraftError, ServerError
from altcraft_async.protocol.endpoints import TASK_STATUS, Endpoint
from altcraft_async.protocol.envelope import interpret, parse_retry_after
from altcraft_async.protocol.messages import Response

CORE = settings.get_profile("pure")
SECRET = "s3cret-token"


def mask(text: str) -> str:
    """Take the secret out."""
    return text.replace(SECRET, "***")


def refused(response: Response, endpoint: Endpoint[object] = TASK_STATUS) -> AltcraftError:
    """Return the error that an answer makes."""
    with pytest.raises(AltcraftError) as caught:
        interpret(endpoint, response, mask)
    return caught.value


NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("1000000000", 1e9),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0),
        ("Mon, 23 Nov 2026 15:00:10 +0300", 10),
        ("Mon, 23 Nov 2026 12:00:10 -0000", 10),
        ("", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("1e999", None),
        ("soon", None),
        ("Mon, 99 Nov 2026 12:00:00 GMT", None),
        ("Mon, 23 Nov 99999 12:00:00 GMT", None),
        ("Mon, 23 Nov 2026 12:00:00 +999999999999999", None),
    ],
)
def test_retry_after_is_seconds_from_now_or_none(header: str, seconds: float | None) -> None:
    assert parse_retry_after(header, now=NOW.timestamp()) == seconds


@CORE
@given(
    st.text()
    | st.floats().map(str)
    | st.integers().map(str)
    | st.datetimes().map(format_datetime)
    | st.builds("{0}, {1} Nov {2} {3}:{4}:{5} {6}".format, *[st.text() | st.integers()] * 7),
    st.floats(allow_nan=False, allow_infinity=False),
)
@example("9" * 5000, 0.0)
@example("0001-01-01", 0.0)
@example("Mon, 1 Jan 0001 00:00:00 +2359", 0.0)
@example("Fri, 31 Dec 9999 23:59:59 -2359", -1e308)
def test_retry_after_is_never_negative_nor_endless(header: str, now: float) -> None:
    seconds = parse_retry_after(header, now=now)
    assert seconds is None or 0 <= seconds < math.inf


def test_retry_after_date_counts_from_the_time_of_the_answer() -> None:
    response = Response(
        status=503,
        body=b"",
        retry_after=format_datetime(NOW + timedelta(seconds=30), usegmt=True),
        received_at=NOW.timestamp(),
    )
    error = refused(response)
    assert isinstance(error, ServerError)
    assert error.retry_after == 30
