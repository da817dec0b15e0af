"""Signed URLs: unforgeable, and the same for the same target."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async import ConfigurationError, Feedback
from altcraft_async.integrations._feedback.signed_urls import SignedUrls
from altcraft_async.integrations.feedback import FeedbackReceiver

BASE = "https://shop.example/hooks"
SECRET = "sixteen characters or more"

IDS = st.integers(min_value=1, max_value=2**63 - 1)
KINDS = st.sampled_from(["resource", "database"])


@given(KINDS, IDS, IDS)
def test_url_leads_to_its_target_in_every_process_with_the_secret(
    kind: str, first: int, second: int
) -> None:
    one, other = SignedUrls(BASE, SECRET), SignedUrls(BASE, SECRET.encode())
    url = one.url_for(kind, (first, second))
    assert url == other.url_for(kind, (first, second))
    path = url.removeprefix("https://shop.example")
    assert other.verified_target(path) == (kind, (first, second))
    assert other.verified_target(path.removeprefix("/hooks")) == (kind, (first, second))


def test_spellings_of_one_base_url_give_one_url() -> None:
    other = SignedUrls("HTTPS://Shop.example:443/./hooks/", SECRET)
    assert other.url_for("resource", (24, 1)) == SignedUrls(BASE, SECRET).url_for(
        "resource", (24, 1)
    )


@given(KINDS, IDS, IDS, st.integers(0, 200), st.characters())
def test_changed_url_is_rejected(
    kind: str, first: int, second: int, at: int, character: str
) -> None:
    urls = SignedUrls(BASE, SECRET)
    path = urls.url_for(kind, (first, second)).removeprefix(BASE)
    at = 1 + at % (len(path) - 1)
    forged = path[:at] + character + path[at + 1 :]
    if forged != path:
        assert urls.verified_target(forged) is None


@given(st.text())
def test_any_other_path_is_rejected(path: str) -> None:
    assert SignedUrls(BASE, SECRET).verified_target(path) is None


def test_default_secrets_differ() -> None:
    one, other = SignedUrls(BASE, None), SignedUrls(BASE, None)
    url = one.url_for("resource", (24, 1))
    assert one.verified_target(url) == ("resource", (24, 1))
    assert other.verified_target(url) is None


def test_url_depends_on_the_kind_and_on_the_order_of_the_ids() -> None:
    urls = SignedUrls(BASE, SECRET)
    assert urls.url_for("resource", (24, 1)) != urls.url_for("database", (24, 1))
    assert urls.url_for("resource", (24, 1)) != urls.url_for("resource", (1, 24))


@pytest.mark.parametrize("secret", ["", "fifteen charact", b"fifteen charact", 5])
def test_short_secret_is_refused_without_a_quote(secret: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^secret: ") as refused:
        FeedbackReceiver(BASE, secret=secret)
    assert "fifteen" not in str(refused.value)


@pytest.mark.parametrize(
    "base_url", ["", "shop.example", "ftp://shop.example", f"{BASE}?x=1", "https://a:b@c", 5]
)
def test_base_url_that_cannot_be_called_is_refused(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^base_url: "):
        FeedbackReceiver(base_url)


@pytest.mark.parametrize(
    ("kind", "target"),
    [("segment", (5, 24)), ("unknown", ()), ("resource", (24,)), ("resource", (24, 0))],
)
def test_target_without_feedback_is_refused(kind: str, target: Sequence[int]) -> None:
    with pytest.raises(ConfigurationError, match=r"^(kind|targets|database_id): "):
        SignedUrls(BASE, SECRET).url_for(kind, target)


def test_plain_http_to_another_machine_warns() -> None:
    with pytest.warns(UserWarning, match="base_url: http://"):
        FeedbackReceiver("http://shop.example/hooks")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FeedbackReceiver("http://127.0.0.1:8000/hooks")


def test_secret_is_in_neither_repr_nor_url() -> None:
    receiver = FeedbackReceiver(BASE, secret=SECRET)
    assert repr(receiver) == f"<FeedbackReceiver {BASE}>"
    feedback = receiver.feedback_for("resource", [24, 1])
    assert feedback == Feedback(url=receiver.url_for("resource", (24, 1)))
    assert SECRET not in feedback.url
