"""Tokens in the keyring of the package `keyring`, and in the file where that does not work."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, TypeVar

import pytest

from altcraft_async import ConfigurationError
from altcraft_async.cli.profiles import (
    delete_profile,
    load_profile,
    profile_names,
    profile_path,
    store_profile,
)
from altcraft_async.protocol.token import Token

keyring: Any = pytest.importorskip(
    "keyring", reason="keyring is not installed: pip install keyring"
)

T = TypeVar("T")

URL = "https://altcraft.example.com"
TOKEN = "a-token-of-some-length"
ENTRY = (f"altcraft {URL}", "work")


class MemoryKeyring:
    """Keeps tokens in ``stored``, by service and profile."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.stored: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """Return a token."""
        return self.stored.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a token."""
        self.stored[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Drop a token."""
        del self.stored[service, username]


class LockedKeyring:
    """Refuses everything, and its error says what it was given."""

    def get_password(self, service: str, username: str) -> str | None:
        """Refuse."""
        msg = f"cannot unlock {service} {username}"
        raise keyring.errors.KeyringLocked(msg)

    def set_password(self, service: str, username: str, password: str) -> None:
        """Refuse."""
        msg = f"cannot store {password} for {username}\nof {service}"
        raise keyring.errors.KeyringLocked(msg)


def use(kind: type[T]) -> T:
    """Make an object of the class the system's keyring."""
    backend: type[T] = type(kind.__name__, (kind, keyring.backend.KeyringBackend), {"priority": 1})
    made = backend()
    keyring.set_keyring(made)
    return made


def use_backend(name: str) -> None:
    """Make a backend of the package the system's keyring."""
    keyring.set_keyring(import_module(f"keyring.backends.{name}").Keyring())


@pytest.fixture(autouse=True)
def system_keyring() -> Iterator[None]:
    """Bring the keyring of the machine back after the test."""
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


@pytest.fixture
def memory() -> MemoryKeyring:
    """A keyring that works."""
    return use(MemoryKeyring)


def store(url: str = URL, *, use_keyring: bool = True) -> str | None:
    return store_profile("work", url, Token(TOKEN), use_keyring=use_keyring)


def test_token_is_in_the_keyring_and_not_in_the_file(memory: MemoryKeyring) -> None:
    assert store() is None
    assert memory.stored == {ENTRY: TOKEN}
    assert TOKEN not in profile_path("work").read_text()
    profile = load_profile("work")
    assert (profile.token.reveal(), profile.token_in) == (TOKEN, "keyring")


def test_token_is_in_the_file_if_asked_for_and_leaves_the_keyring(memory: MemoryKeyring) -> None:
    store()
    assert store(use_keyring=False) == "as --no-keyring says"
    assert memory.stored == {}
    assert load_profile("work").token_in == "file"


def test_new_address_leaves_no_token_of_the_old_one(memory: MemoryKeyring) -> None:
    store("https://old.example.com")
    store()
    assert memory.stored == {ENTRY: TOKEN}


@pytest.mark.usefixtures("memory")
def test_token_is_not_given_for_an_address_that_was_edited() -> None:
    store()
    path = profile_path("work")
    path.write_text(path.read_text().replace(URL, "https://elsewhere.example.com"))
    with pytest.raises(ConfigurationError, match=r"'work' \(it has no such token\)"):
        load_profile("work")


def test_deleted_profile_leaves_nothing_in_the_keyring(memory: MemoryKeyring) -> None:
    store()
    delete_profile("work")
    assert (memory.stored, profile_names()) == ({}, [])


def test_profile_whose_token_is_gone_from_the_keyring_can_be_deleted(memory: MemoryKeyring) -> None:
    store()
    memory.stored.clear()
    delete_profile("work")
    assert profile_names() == []


def test_keyring_that_fails_leaves_the_token_to_the_file_and_says_why() -> None:
    use(LockedKeyring)
    assert store() == "KeyringLocked: cannot store *** for work"
    assert load_profile("work").token.reveal() == TOKEN


def test_keyring_that_keeps_nothing_leaves_the_token_to_the_file() -> None:
    use_backend("null")
    assert store() == "it has not kept the token"
    assert load_profile("work").token.reveal() == TOKEN


def test_system_without_a_keyring_leaves_the_token_to_the_file() -> None:
    use_backend("fail")
    assert store() == "this system has none"
    assert load_profile("work").token_in == "file"


@pytest.mark.usefixtures("memory")
def test_keyring_that_fails_later_is_one_error_and_keeps_the_profile() -> None:
    store()
    use(LockedKeyring)
    with pytest.raises(ConfigurationError, match=r"\(KeyringLocked: .*login --profile work"):
        load_profile("work")
    with pytest.raises(ConfigurationError, match=r"does not delete .* \(KeyringLocked: "):
        delete_profile("work")
    assert profile_names() == ["work"]
