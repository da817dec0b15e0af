"""The values that cross the network line."""

from __future__ import annotations

import pytest

from altcraft_async.protocol.messages import LARGE_XML, Request, Response
from altcraft_async.protocol.token import SecretBytes

SECRET = "t0k3n"


def request_with_secret() -> Request:
    """Return a request that holds the token in both places where it may be."""
    return Request(
        path="tasks/status",
        content_type="application/json",
        body=SecretBytes(b'{"token":"t0k3n"}'),
        authorization=f"Bearer {SECRET}",
    )


def test_request_shown_hides_body_and_authorization() -> None:
    """The repr of a request says method, size and type, and no more."""
    assert repr(request_with_secret()) == ("Request('tasks/status', 17 bytes of application/json)")


def test_request_shown_by_rich_hides_authorization() -> None:
    """What rich prints of a request, as in a traceback with variables, holds no token."""
    assert SECRET not in str(list(request_with_secret().__rich_repr__()))


def test_request_is_a_read_without_header_by_default() -> None:
    """A request starts nothing and has no authorization header unless it says so."""
    request = Request(path="tasks/status", content_type="application/xml", body=b"")
    assert (request.authorization, request.starts) == (None, False)


def test_response_without_headers_has_empty_texts() -> None:
    """A missing header is an empty text, so that nobody has to ask for None."""
    response = Response(status=204, body=b"")
    assert (response.content_type, response.retry_after, response.location) == ("", "", "")


def test_equal_responses_compare_equal() -> None:
    """Requests and responses are plain values."""
    assert Response(status=200, body=b"x") == Response(status=200, body=b"x")
    assert request_with_secret() == request_with_secret()


@pytest.mark.parametrize(
    ("body", "slow"),
    [
        (b"<xml>" + b" " * LARGE_XML, True),
        (b"<xml>", False),
        (b"{" + b" " * LARGE_XML, False),
    ],
)
def test_only_much_xml_is_slow_to_read(body: bytes, slow: bool) -> None:  # noqa: FBT001 -- an expected value
    """What would keep an event loop from others is XML of some size."""
    assert Response(status=200, body=body).is_slow_to_read is slow
