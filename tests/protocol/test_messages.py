"""`Request` and `Response`."""

from __future__ import annotations

import pytest

from altcraft_async.protocol.messages import LARGE, Request, Response
from altcraft_async.protocol.token import SecretBytes

SECRET = "t0k3n"


def request_with_secret() -> Request:
    """Return a request with the token in body and header."""
    return Request(
        path="tasks/status",
        content_type="application/json",
        body=SecretBytes(b'{"token":"t0k3n"}'),
        authorization=f"Bearer {SECRET}",
    )


def test_repr_of_a_request_has_no_body_and_no_authorization() -> None:
    assert repr(request_with_secret()) == ("Request('tasks/status', 17 bytes of application/json)")


def test_rich_repr_of_a_request_has_no_authorization() -> None:
    assert SECRET not in str(list(request_with_secret().__rich_repr__()))


def test_request_is_a_read_without_header_by_default() -> None:
    request = Request(path="tasks/status", content_type="application/xml", body=b"")
    assert (request.authorization, request.starts) == (None, False)


def test_response_without_headers_has_empty_texts() -> None:
    response = Response(status=204, body=b"")
    assert (response.content_type, response.retry_after, response.location) == ("", "", "")


def test_equal_requests_and_responses_compare_equal() -> None:
    assert Response(status=200, body=b"x") == Response(status=200, body=b"x")
    assert request_with_secret() == request_with_secret()


@pytest.mark.parametrize(
    ("body", "slow"),
    [
        (b"<xml>" + b" " * LARGE, True),
        (b"<xml>", False),
        (b"{" + b" " * LARGE, True),
        (b"{}", False),
    ],
)
def test_only_a_large_body_is_slow_to_read(body: bytes, slow: bool) -> None:  # noqa: FBT001 -- an expected value
    assert Response(status=200, body=body).is_slow_to_read is slow
