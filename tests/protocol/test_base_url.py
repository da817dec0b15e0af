"""Base URLs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.errors import ConfigurationError
from altcraft_async.protocol.base_url import api_root, install_of, is_exposed, warn_if_exposed

CORE = settings.get_profile("pure")


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        ("https://example.com", "https://example.com/api/v1.1"),
        ("https://example.com/", "https://example.com/api/v1.1"),
        ("http://example.com:8080", "http://example.com:8080/api/v1.1"),
        ("https://example.com/api/v1.1", "https://example.com/api/v1.1"),
        ("https://example.com/api/v1.1/", "https://example.com/api/v1.1"),
        ("https://proxy.example.com/a/b/", "https://proxy.example.com/a/b/api/v1.1"),
        ("https://proxy.example.com/a/api/v1.1//", "https://proxy.example.com/a/api/v1.1"),
        ("http://[::1]:8080", "http://[::1]:8080/api/v1.1"),
        ("https://example.com/my-api/v1.1", "https://example.com/my-api/v1.1/api/v1.1"),
    ],
)
def test_base_url_gives_the_root_of_the_api(base_url: str, root: str) -> None:
    assert api_root(base_url) == root


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        ("HTTPS://example.com", "https://example.com"),
        ("https://Example.COM", "https://example.com"),
        ("https://example.com:443", "https://example.com"),
        ("http://example.com:80/a", "http://example.com/a"),
        ("http://example.com:08080", "http://example.com:8080"),
        ("http://example.com:443", "http://example.com:443"),
        ("https://example.com/./a/../b/", "https://example.com/b"),
        ("https://example.com/a/%2e%2E/b", "https://example.com/b"),
        ("https://example.com/%7Ea/%c3%a4", "https://example.com/~a/%C3%A4"),
        ("https://example.com/ä", "https://example.com/%C3%A4"),
        ("https://example.com/x/../api/v1.1/.", "https://example.com"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://BÜCHER。example", "https://xn--bcher-kva.example"),
        ("https://XN--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("http://[0:0::1]:80", "http://[::1]"),
        ("http://[2001:DB8:0:0:0:0:0:1]", "http://[2001:db8::1]"),
        ("http://\uff11\uff12\uff17.0.0.1", "http://127.0.0.1"),
        ("http://A_B。example", "http://a_b.example"),
    ],
)
def test_spellings_of_one_url_give_one_root(base_url: str, root: str) -> None:
    assert api_root(base_url) == f"{root}/api/v1.1"


@pytest.mark.parametrize("host", ["example.com.", "127.0.0.1.", "localhost.:8080"])
def test_dot_that_ends_a_host_is_sent_and_is_no_part_of_the_install(host: str) -> None:
    """DNS looks up a name with the dot as it is, and one without it in other domains as well."""
    root = api_root(f"https://{host}")
    assert root == f"https://{host}/api/v1.1"
    assert install_of(root) == api_root(f"https://{host.replace('.:', ':').rstrip('.')}")


@pytest.mark.parametrize("root", ["https://example.com/a./api/v1.1", "http://[::1]:8080/api/v1.1"])
def test_root_without_a_dot_after_the_host_names_its_install(root: str) -> None:
    assert install_of(root) == root


@pytest.mark.parametrize("host", ["127.1", "0x7f.0.0.1", "127.000.0.1", "2130706433", "[v1.x]"])
def test_address_in_a_spelling_that_systems_read_differently_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match="invalid host or port"):
        api_root(f"http://{host}:8080")


@pytest.mark.parametrize(
    ("base_url", "reason"),
    [
        ("", "non-empty string"),
        (None, "non-empty string"),
        (b"https://example.com", "non-empty string"),
        ("https://example.com/a b", "without spaces"),
        ("https://example.com\n", "without spaces"),
        ("example.com", "has to begin with"),
        ("ftp://example.com", "has to begin with"),
        ("https://", "has to begin with"),
        ("https://:8080", "has to begin with"),
        ("https://[::1", "invalid host or port"),
        ("https://example.com:port", "invalid host or port"),
        ("https://example.com:65536", "invalid host or port"),
        ("https://example.com:", "invalid host or port"),
        ("https://example.com:0", "invalid host or port"),
        ("https://user:s3cret@example.com", "user name or password"),
        ("https://user@example.com", "user name or password"),
        ("https://example.com?token=s3cret", "query or fragment"),
        ("https://example.com/#", "query or fragment"),
    ],
)
def test_invalid_base_url_is_refused_without_being_quoted(base_url: object, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as refused:
        api_root(base_url)
    assert str(refused.value).startswith("base_url: ")
    assert "s3cret" not in str(refused.value)


@CORE
@given(st.text() | st.builds("http://{}".format, st.text()))
def test_any_text_gives_a_root_or_is_refused(base_url: str) -> None:
    try:
        root = api_root(base_url)
    except ConfigurationError:
        return
    assert api_root(root) == root
    assert install_of(install_of(root)) == install_of(root)


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example.com", "example.com\\x"])
def test_invalid_host_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match="invalid host or port"):
        api_root(f"https://{host}")


@pytest.mark.parametrize(
    ("base_url", "exposed"),
    [
        ("https://example.com", False),
        ("http://example.com", True),
        ("http://10.0.0.5:8080/altcraft", True),
        ("http://localhost.example.com", True),
        ("http://localhost:8080", False),
        ("http://altcraft.localhost", False),
        ("http://localhost.", False),
        ("http://127.0.0.1.", False),
        ("http://127.0.0.1:8080", False),
        ("http://127.8.8.8", False),
        ("http://[::1]:8080", False),
        ("http://[2001:db8::1]", True),
    ],
)
def test_only_http_to_another_machine_is_exposed(base_url: str, exposed: bool) -> None:  # noqa: FBT001 -- an expected value
    assert is_exposed(api_root(base_url)) is exposed


def test_exposed_url_warns_at_the_line_of_the_caller() -> None:
    warn_if_exposed("https://example.com/api/v1.1", "a reason")
    with pytest.warns(UserWarning, match="^a reason$") as warned:
        warn_if_exposed("http://example.com/api/v1.1", "a reason")
    assert [one.filename for one in warned] == [__file__]
