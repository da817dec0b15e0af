"""No error of an answer shows the token, nor more than the beginning of the answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altcraft_async.errors import AltcraftError, ApiError, ProtocolError
from altcraft_async.protocol.codecs import Document, UnreadableError
from altcraft_async.protocol.endpoints import TASK_STATUS, Endpoint
from altcraft_async.protocol.envelope import interpret, snippet
from altcraft_async.protocol.messages import Response
from altcraft_async.protocol.text import LONGEST_LINE

CORE = settings.get_profile("pure")
SECRET = "s3cret-token"


def mask(text: str) -> str:
    """Mask the secret."""
    return text.replace(SECRET, "***")


def refused(response: Response, endpoint: Endpoint[object] = TASK_STATUS) -> AltcraftError:
    """Return the error that an answer makes."""
    with pytest.raises(AltcraftError) as caught:
        interpret(endpoint, response, mask)
    return caught.value


def refusal(
    code: object,
    text: object = "no",
    *,
    status: int = 200,
    endpoint: Endpoint[object] = TASK_STATUS,
) -> ApiError:
    """Return the error that an envelope with this code makes."""
    body = json.dumps({"error": code, "error_text": text}).encode()
    error = refused(Response(status=status, body=body), endpoint)
    assert isinstance(error, ApiError)
    return error


def unreadable(response: Response, endpoint: Endpoint[object] = TASK_STATUS) -> ProtocolError:
    """Return the error of an answer that is not Altcraft's."""
    error = refused(response, endpoint)
    assert type(error) is ProtocolError
    return error


def test_long_text_of_a_refusal_is_cut() -> None:
    assert len(refusal(400, "x" * 10_000).text) == LONGEST_LINE


def shown(error: AltcraftError) -> str:
    """Return all that an error shows."""
    return f"{error!r} {error} {vars(error)}"


@pytest.mark.parametrize("status", [200, 400, 500])
def test_token_in_the_text_of_a_refusal_is_masked(status: int) -> None:
    error = refusal(400, f"bad token {SECRET}", status=status)
    assert error.text == "bad token ***"
    assert SECRET not in shown(error)


def test_token_at_the_cut_of_a_text_is_masked_before_the_cut() -> None:
    error = refusal(400, "x" * (LONGEST_LINE - 5) + SECRET)
    assert SECRET[:3] not in error.text


@pytest.mark.parametrize(
    "response",
    [
        Response(status=200, body=f"<html>{SECRET}</html>".encode()),
        Response(status=200, body=f'{{"token": "{SECRET}"}}'.encode()),
        Response(status=500, body=f"cannot read {SECRET}".encode()),
        Response(status=429, body=f"<html>{SECRET}</html>".encode()),
        Response(status=200, body=b"?", content_type=f"text/{SECRET}"),
        Response(status=302, body=b"", location=f"https://x/{SECRET}/?{SECRET}#{SECRET}"),
        Response(status=302, body=b"", location=f"https://{SECRET}@x/"),
    ],
)
def test_token_in_snippet_text_type_or_location_is_masked(response: Response) -> None:
    error = refused(response)
    assert SECRET not in shown(error)
    assert "***" in shown(error)


@pytest.mark.parametrize("status", [200, 500])
def test_token_at_the_cut_of_a_snippet_is_masked_before_the_cut(status: int) -> None:
    body = b"x" * (LONGEST_LINE - 5) + SECRET.encode()
    assert SECRET[:3] not in shown(refused(Response(status=status, body=body)))


def test_token_in_the_reason_of_a_reader_is_masked() -> None:
    def unhappy(_document: Document) -> str:
        msg = f"unexpected {SECRET}"
        raise UnreadableError(msg)

    endpoint = Endpoint(path="x/y", read=unhappy, names={})
    error = unreadable(Response(status=200, body=b'{"error": 0}'), endpoint)
    assert "x/y: not an answer of Altcraft's: unexpected ***" in str(error)
    assert SECRET not in shown(error)


def test_error_has_no_cause_and_no_context() -> None:
    for body in (b"<xml>", b"{", b'{"error": "x"}', b'{"error": 0, "data": 5}'):
        error = refused(Response(status=200, body=body))
        assert (error.__cause__, error.__context__) == (None, None)


@CORE
@given(st.binary())
@example(b"\xff" * 10_000)
@example("ж".encode() * 10_000)
def test_snippet_is_one_short_printable_line(body: bytes) -> None:
    line = snippet(body, str)
    assert line.isprintable()
    assert len(line) <= LONGEST_LINE
