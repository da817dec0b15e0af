"""Addresses that the platform calls: unguessable, and the same for the same target."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async import ConfigurationError, Feedback
from altcraft_async.integrations._feedback.signed_urls import Addresses
from altcraft_async.integrations.feedback import FeedbackReceiver

BASE = "https://shop.example/hooks"
SECRET = "sixteen characters or more"

IDS = st.integers(min_value=1, max_value=2**63 - 1)
KINDS = st.sampled_from(["resource", "database"])


@given(KINDS, IDS, IDS)
def test_address_says_its_target_to_who_knows_the_secret(
    kind: str, first: int, second: int
) -> None:
    """Every process with the secret makes the same address, and knows it again."""
    one, other = Addresses(BASE, SECRET), Addresses(BASE, SECRET.encode())
    url = one.url_for(kind, (first, second))
    assert url == other.url_for(kind, (first, second))
    path = url.removeprefix("https://shop.example")
    assert other.addressed(path) == (kind, (first, second))
    assert other.addressed(path.removeprefix("/hooks")) == (kind, (first, second))


@given(KINDS, IDS, IDS, st.integers(0, 200), st.characters())
def test_address_with_another_character_is_nobodys(
    kind: str, first: int, second: int, at: int, character: str
) -> None:
    """Neither target nor signature can be changed by who does not know the secret."""
    addresses = Addresses(BASE, SECRET)
    path = addresses.url_for(kind, (first, second)).removeprefix(BASE)
    at = 1 + at % (len(path) - 1)
    forged = path[:at] + character + path[at + 1 :]
    if forged != path:
        assert addresses.addressed(forged) is None


@given(st.text())
def test_any_other_path_is_nobodys(path: str) -> None:
    """Whatever is asked for, it is no error."""
    assert Addresses(BASE, SECRET).addressed(path) is None


def test_signature_of_another_secret_is_none() -> None:
    """Without a secret of its own, each receiver has one that nobody knows."""
    one, other = Addresses(BASE, None), Addresses(BASE, None)
    url = one.url_for("resource", (24, 1))
    assert one.addressed(url) == ("resource", (24, 1))
    assert other.addressed(url) is None


def test_resource_and_database_have_addresses_of_their_own() -> None:
    """The same two ids name another target the other way round."""
    addresses = Addresses(BASE, SECRET)
    assert addresses.url_for("resource", (24, 1)) != addresses.url_for("database", (24, 1))
    assert addresses.url_for("resource", (24, 1)) != addresses.url_for("resource", (1, 24))


@pytest.mark.parametrize("secret", ["", "fifteen charact", b"fifteen charact", 5])
def test_secret_that_could_be_guessed_is_refused(secret: str) -> None:
    """The text names the argument and never quotes it."""
    with pytest.raises(ConfigurationError, match=r"^secret: ") as refused:
        FeedbackReceiver(BASE, secret=secret)
    assert "fifteen" not in str(refused.value)


@pytest.mark.parametrize(
    "base_url", ["", "shop.example", "ftp://shop.example", f"{BASE}?x=1", "https://a:b@c", 5]
)
def test_base_url_has_to_be_one(base_url: str) -> None:
    """What the platform could not call is refused."""
    with pytest.raises(ConfigurationError, match=r"^base_url: "):
        FeedbackReceiver(base_url)


@pytest.mark.parametrize(
    ("kind", "target"),
    [("segment", (5, 24)), ("unknown", ()), ("resource", (24,)), ("resource", (24, 0))],
)
def test_target_has_to_be_one_that_can_report(kind: str, target: Sequence[int]) -> None:
    """Segments report nothing, and half a target is none."""
    with pytest.raises(ConfigurationError, match=r"^(kind|targets|database_id): "):
        Addresses(BASE, SECRET).url_for(kind, target)


def test_address_in_the_clear_warns() -> None:
    """A secret address is none if everybody on the way can read it; this machine is no way."""
    with pytest.warns(UserWarning, match="base_url: http://"):
        FeedbackReceiver("http://shop.example/hooks")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FeedbackReceiver("http://127.0.0.1:8000/hooks")


def test_receiver_shows_no_secret() -> None:
    """Neither its text nor an address holds it."""
    receiver = FeedbackReceiver(BASE, secret=SECRET)
    assert repr(receiver) == f"<FeedbackReceiver {BASE}>"
    feedback = receiver.feedback_for("resource", [24, 1])
    assert feedback == Feedback(url=receiver.url_for("resource", (24, 1)))
    assert SECRET not in feedback.url
