"""The API token, which no text shows."""

from __future__ import annotations

import copy
import pickle

import pytest

from altcraft_async.errors import ConfigurationError
from altcraft_async.protocol.messages import Response
from altcraft_async.protocol.token import SecretBytes, Token

SECRET = "abcdefghijklmnqrstuvwxyz"


def test_only_reveal_returns_the_token() -> None:
    token = Token(SECRET)
    assert token.reveal() == SECRET
    assert SECRET not in f"{token} {token!r}"


def test_token_in_text_is_masked_everywhere() -> None:
    assert Token(SECRET).mask(f"a {SECRET} b {SECRET}") == "a *** b ***"


def test_text_without_token_stays_as_it_is() -> None:
    assert Token(SECRET).mask("nothing here") == "nothing here"


@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_token_is_not_pickled_or_copied(copier: object) -> None:
    assert callable(copier)
    with pytest.raises(TypeError, match="not pickled"):
        copier(Token(SECRET))


@pytest.mark.parametrize("wrong", ["", None, 5, b"bytes", "with space", "line\n", "\ud800"])
def test_invalid_token_is_refused_without_being_quoted(wrong: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^token: has to be") as refused:
        Token(wrong)
    assert not wrong or str(wrong) not in str(refused.value)


def test_repr_and_str_of_secret_bytes_show_the_length_only() -> None:
    secret = SecretBytes(SECRET.encode())
    assert f"{secret!r} {secret!s} {secret}" == "<24 bytes> <24 bytes> <24 bytes>"


def test_secret_bytes_equal_and_join_like_bytes() -> None:
    assert SecretBytes(b"abc") == b"abc"
    assert b"".join([SecretBytes(b"abc")]) == b"abc"


@pytest.mark.parametrize(
    "response",
    [
        Response(status=200, body=f"x {SECRET} y".encode()),
        Response(status=302, body=b"", location=f"/?token={SECRET}"),
        Response(status=200, body=b"", content_type=f"text/{SECRET}"),
    ],
)
def test_token_in_an_answer_is_masked(response: Response) -> None:
    assert SECRET not in f"{Token(SECRET).mask_response(response)}"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_token_in_a_wide_encoding_is_masked(encoding: str) -> None:
    """XML may have two bytes per character."""
    sent = Response(status=200, body=f"<xml>{SECRET}</xml>".encode(encoding))
    assert Token(SECRET).mask_response(sent).body.decode(encoding) == "<xml>***</xml>"


def test_answer_without_the_token_is_returned_as_it_is() -> None:
    response = Response(status=200, body=b"{}", content_type="application/json", location="/x")
    assert Token(SECRET).mask_response(response) is response


def test_short_token_in_a_body_is_not_masked() -> None:
    """It may be a number by chance; texts of errors are masked."""
    response = Response(status=200, body=b'{"all": 1234567}')
    assert Token("1234567").mask_response(response) is response


@pytest.mark.parametrize(
    ("token", "echoed"),
    [
        ("a&b<c", "token a&amp;b&lt;c"),
        ('a"b\\c', 'token a\\"b\\\\c'),
        ("tok/en", "token tok\\/en"),
        ("tok/en+", "token tok%2Fen%2B"),
    ],
)
def test_escaped_token_is_masked(token: str, echoed: str) -> None:
    assert Token(token).mask(echoed) == "token ***"
