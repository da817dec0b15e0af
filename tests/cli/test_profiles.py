"""Stored accounts: one file each, private, and refused if it is broken or open to others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from altcraft_async import ConfigurationError
from altcraft_async.cli.profiles import (
    checked_name,
    delete_profile,
    load_profile,
    profile_names,
    profile_path,
    store_profile,
)
from altcraft_async.protocol.token import Token

URL = "https://altcraft.example.com"
TOKEN = "a-token-of-some-length"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let new files be readable and writable by everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def store(name: str) -> Path:
    store_profile(name, URL, Token(TOKEN), use_keyring=False)
    return profile_path(name)


@pytest.mark.usefixtures("open_umask")
def test_profile_file_is_for_its_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    path = store("work")
    assert path == tmp_path / "config" / "altcraft" / "profiles" / "work.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["work.json"]
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_stored_profile_is_loaded_with_its_token() -> None:
    store("work")
    profile = load_profile("work")
    assert (profile.url, profile.token.reveal(), profile.token_in) == (URL, TOKEN, "file")
    assert TOKEN not in repr(profile)


def test_profile_is_replaced_and_deleted_alone() -> None:
    store("work")
    store("staging")
    store_profile("work", "https://other.example.com", Token("another"), use_keyring=False)
    assert load_profile("work").url == "https://other.example.com"
    delete_profile("work")
    assert profile_names() == ["staging"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_file_that_others_can_open_is_refused_until_its_mode_is_changed(mode: int) -> None:
    path = store("work")
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"by others .*chmod 600 {path}") as raised:
        load_profile("work")
    assert TOKEN not in str(raised.value)
    path.chmod(0o600)
    assert load_profile("work").token.reveal() == TOKEN


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"token": "secret"}',
        b'{"url": 1, "token": "secret"}',
        b'{"url": "example.com", "token": "secret"}',
        b'{"url": "https://example.com", "token": ""}',
        b'{"url": "https://example.com", "token": "secret secret"}',
    ],
)
def test_broken_file_is_named_with_what_mends_it(content: bytes) -> None:
    path = store("work")
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as raised:
        load_profile("work")
    assert str(raised.value) == (
        f"profile: {path} is broken; to write it again: altcraft login --profile work"
    )
    assert store("work").exists()
    assert load_profile("work").token.reveal() == TOKEN


def test_broken_file_can_be_deleted() -> None:
    store("work").write_text("{")
    delete_profile("work")
    assert profile_names() == []


def test_unknown_profile_names_those_that_there_are() -> None:
    store("work")
    store("staging")
    for refused in (load_profile, delete_profile):
        with pytest.raises(ConfigurationError, match=r"no 'prod' \(stored: staging, work\)"):
            refused("prod")


def test_no_account_at_all_names_both_ways_to_have_one() -> None:
    with pytest.raises(ConfigurationError, match=r"altcraft login .*ALTCRAFT_URL and ALTCRAFT_TOK"):
        load_profile("default")


@pytest.mark.parametrize("name", ["", ".", "../x", "a/b", "a b", ".hidden", "ä", "x" * 65])
def test_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"profile: .* is no name for one"):
        checked_name(name)


def test_directory_that_cannot_be_used_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigurationError, match=r"profile: .*work\.json cannot be written \("):
        store("work")
    with pytest.raises(ConfigurationError, match=r"profile: .*work\.json cannot be read \("):
        load_profile("work")
    assert profile_names() == []


def test_relative_config_directory_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert profile_path("work") == tmp_path / ".config" / "altcraft" / "profiles" / "work.json"
