"""Tokens in the system's keyring, through the optional package ``keyring``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from altcraft_async.models.extras import MissingExtraError, extra
from altcraft_async.protocol.token import Token

__all__ = ["KeyringFailure", "delete_token", "keep_token", "token_of"]

T = TypeVar("T")


class KeyringFailure(Exception):  # noqa: N818 -- like `RedisFailure`, it never reaches the user
    """The keyring cannot be used; the text says why."""


def keep_token(url: str, profile: str, token: Token) -> None:
    """Store the token of a profile, and read it back, as some keyrings keep nothing.

    A token is stored for its address, so a profile whose address was changed has none.

    Raises:
        KeyringFailure: The keyring has not kept it.
    """

    def keep(keyring: Any) -> bool:  # noqa: ANN401 -- its types are there only with the extra
        keyring.set_password(_service(url), profile, token.reveal())
        return bool(keyring.get_password(_service(url), profile) == token.reveal())

    if not _use(keep, token):
        msg = "it has not kept the token"
        raise KeyringFailure(msg)


def token_of(url: str, profile: str) -> Token:
    """Return the token of a profile.

    Raises:
        KeyringFailure: The keyring does not have it, or does not give it.
    """

    def read(keyring: Any) -> Token | None:  # noqa: ANN401 -- as above
        stored = keyring.get_password(_service(url), profile)
        return Token(stored) if stored else None

    token = _use(read)
    if token is None:
        msg = "it has no such token"
        raise KeyringFailure(msg)
    return token


def delete_token(url: str, profile: str) -> None:
    """Delete the token of a profile, if there is one.

    Raises:
        KeyringFailure: The keyring cannot be used.
    """

    def delete(keyring: Any) -> None:  # noqa: ANN401 -- as above
        if keyring.get_password(_service(url), profile) is not None:
            keyring.delete_password(_service(url), profile)

    _use(delete)


def _service(url: str) -> str:
    return f"altcraft {url}"


def _use(work: Callable[[Any], T], token: Token | None = None) -> T:
    """Work with the keyring; its own errors have frames with the token, so none leaves this."""
    try:
        with extra("keyring", "keyring"):
            keyring = import_module("keyring")
        return work(keyring)
    except MissingExtraError as missing:
        reason = str(missing)
    except Exception as error:  # noqa: BLE001 -- each backend has errors of its own
        reason = _reason(error)
    raise KeyringFailure(reason if token is None else token.mask(reason))


def _reason(error: Exception) -> str:
    name = type(error).__name__
    if name == "NoKeyringError":
        return "this system has none"
    return ": ".join([name, *str(error).splitlines()[:1]])
