"""The API token, and that nothing shows it."""

from __future__ import annotations

import copy
import pickle

import pytest

from altcraft_async.errors import ConfigurationError
from altcraft_async.protocol.messages import Response
from altcraft_async.protocol.token import SecretBytes, Token

SECRET = "abcdefghijklmnqrstuvwxyz"


def test_token_reveals_itself_only_when_asked() -> None:
    """The text of a token comes from reveal() and from nothing else."""
    token = Token(SECRET)
    assert token.reveal() == SECRET
    assert SECRET not in f"{token} {token!r}"


def test_token_in_text_is_masked_everywhere() -> None:
    """Every occurrence of the token is taken out of a text."""
    assert Token(SECRET).hide(f"a {SECRET} b {SECRET}") == "a *** b ***"


def test_text_without_token_stays_as_it_is() -> None:
    """Hiding leaves other text alone."""
    assert Token(SECRET).hide("nothing here") == "nothing here"


@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_token_is_not_pickled_or_copied(copier: object) -> None:
    """A token cannot slip into what is stored."""
    assert callable(copier)
    with pytest.raises(TypeError, match="not pickled"):
        copier(Token(SECRET))


@pytest.mark.parametrize("wrong", ["", None, 5, b"bytes", "with space", "line\n", "\ud800"])
def test_unusable_token_is_refused_without_being_quoted(wrong: object) -> None:
    """A token is printable and without spaces, and the error never quotes it."""
    with pytest.raises(ConfigurationError, match=r"^token: has to be") as refused:
        Token(wrong)
    assert not wrong or str(wrong) not in str(refused.value)


def test_secret_bytes_shown_say_their_length_only() -> None:
    """Neither repr nor str of secret bytes shows what is in them."""
    secret = SecretBytes(SECRET.encode())
    assert f"{secret!r} {secret!s} {secret}" == "<24 bytes> <24 bytes> <24 bytes>"


def test_secret_bytes_are_sent_as_they_are() -> None:
    """For everybody but the eye secret bytes are bytes."""
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
def test_token_that_comes_back_is_hidden_from_an_answer(response: Response) -> None:
    """Nothing that is made of an answer can show a token that is not in it."""
    assert SECRET not in f"{Token(SECRET).hide_from(response)}"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_token_in_a_wide_encoding_is_hidden_from_an_answer(encoding: str) -> None:
    """XML may come in two bytes a character, and is readable after it as before."""
    sent = Response(status=200, body=f"<xml>{SECRET}</xml>".encode(encoding))
    assert Token(SECRET).hide_from(sent).body.decode(encoding) == "<xml>***</xml>"


def test_answer_without_the_token_is_left_as_it_is() -> None:
    """Nearly every answer is passed on as it came."""
    response = Response(status=200, body=b"{}", content_type="application/json", location="/x")
    assert Token(SECRET).hide_from(response) is response


def test_short_token_is_left_in_the_figures_of_an_answer() -> None:
    """What may be a figure by chance stays one, and is hidden from texts alone."""
    response = Response(status=200, body=b'{"all": 1234567}')
    assert Token("1234567").hide_from(response) is response


@pytest.mark.parametrize(
    ("token", "echoed"),
    [
        ("a&b<c", "token a&amp;b&lt;c"),
        ('a"b\\c', 'token a\\"b\\\\c'),
        ("tok/en", "token tok\\/en"),
        ("tok/en+", "token tok%2Fen%2B"),
    ],
)
def test_escaped_token_is_hidden(token: str, echoed: str) -> None:
    """However a server writes the token, it does not show."""
    assert Token(token).hide(echoed) == "token ***"
