"""Accounts that ``altcraft login`` has stored, each in one file that only its user can read.

The files are in ``profiles`` in the user's config directory. A file has the address, and the
token unless that is in the system's keyring.
"""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from altcraft_async.cli.directories import config_directory
from altcraft_async.cli.system_keyring import KeyringFailure, delete_token, keep_token, token_of
from altcraft_async.errors import ConfigurationError
from altcraft_async.protocol.base_url import checked_address
from altcraft_async.protocol.token import Token

__all__ = [
    "Profile",
    "checked_name",
    "delete_profile",
    "load_profile",
    "profile_names",
    "profile_path",
    "store_profile",
    "stored_address",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_OTHERS = 0o077  # permissions of group and others


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A stored account.

    Attributes:
        name: Of the profile.
        url: Its address.
        token: Its token, which the repr does not show.
        token_in: Who keeps the token.
    """

    name: str
    url: str
    token: Token
    token_in: Literal["keyring", "file"]


class _Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a file has; without a token, the keyring has it."""

    url: str
    token: str | None = None

    def __repr__(self) -> str:
        """Show the address only."""
        return f"_Stored({self.url!r})"


def checked_name(name: str) -> str:
    """Return the name of a profile, which is the name of a file as well.

    Raises:
        ConfigurationError: It has other characters than letters, digits and ``._-``.
    """
    if _NAME.fullmatch(name):
        return name
    msg = f"profile: {name!r} is no name for one; use up to 64 letters, digits, '-', '_' and '.'"
    raise ConfigurationError(msg)


def profile_path(name: str) -> Path:
    """Return the file of a profile."""
    return _directory() / f"{name}.json"


def profile_names() -> list[str]:
    """Return the names of all profiles; none where the directory cannot be read."""
    try:
        found = [path.stem for path in _directory().glob("*.json")]
    except (ConfigurationError, OSError):
        return []
    return sorted(filter(_NAME.fullmatch, found))


def load_profile(name: str) -> Profile:
    """Return a stored account.

    Raises:
        ConfigurationError: There is none of this name, its file is broken or can be
            read by others, or the keyring does not give its token.
    """
    path = profile_path(name)
    try:
        stored = _read(path, private=True)
    except FileNotFoundError:
        stored = None
    if stored is None:
        raise ConfigurationError(_unknown(name))
    url, secret = stored.url, stored.token
    if secret is not None:
        return Profile(name=name, url=url, token=Token(secret), token_in="file")  # noqa: S106 -- the keeper
    try:
        return Profile(name=name, url=url, token=token_of(url, name), token_in="keyring")  # noqa: S106 -- the same
    except KeyringFailure as failed:
        reason = str(failed)
    msg = (
        f"profile: the keyring does not give the token of {name!r} ({reason});"
        f" to store it again: altcraft login --profile {name}"
    )
    raise ConfigurationError(msg)


def stored_address(name: str) -> str | None:
    """Return the address of a profile, or ``None`` where it has none that can be read."""
    stored = _readable(name)
    return None if stored is None else stored.url


def store_profile(name: str, url: str, token: Token, *, use_keyring: bool) -> str | None:
    """Store an account, with the token in the keyring if possible, else in the file.

    Returns:
        Why the keyring does not have the token; ``None`` where it has.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    old, reason = _readable(name), None
    if use_keyring:
        try:
            keep_token(url, name, token)
        except KeyringFailure as failed:
            reason = str(failed)
    else:
        reason = "as --no-keyring says"
    _write(profile_path(name), _Stored(url, None if reason is None else token.reveal()))
    is_left = old is not None and old.token is None and (old.url != url or reason is not None)
    if old is not None and is_left:
        with suppress(KeyringFailure):  # what it does not give up stays there
            delete_token(old.url, name)
    return reason


def delete_profile(name: str) -> None:
    """Delete a profile, and its token from the keyring.

    Raises:
        ConfigurationError: There is none of this name, or the keyring or the file
            cannot be changed; the profile is still there then.
    """
    path = profile_path(name)
    try:
        stored = _read(path, private=False)
    except FileNotFoundError:
        stored = None
    except ConfigurationError:  # a broken file is deleted as well
        stored = _Stored("", "")
    if stored is None:
        names = ", ".join(profile_names()) or "none"
        msg = f"profile: no {name!r} (stored: {names}), so nothing was deleted"
        raise ConfigurationError(msg)
    try:
        if stored.token is None:
            delete_token(stored.url, name)
        path.unlink(missing_ok=True)
    except KeyringFailure as failed:
        msg = f"profile: the keyring does not delete the token of {name!r} ({failed})"
    except OSError as failed:
        msg = f"profile: {path} cannot be deleted ({failed.strerror or failed})"
    else:
        return
    raise ConfigurationError(msg)


def _directory() -> Path:
    return config_directory("profile") / "profiles"


def _unknown(name: str) -> str:
    names = profile_names()
    if name == "default" and not names:
        return (
            "profile: there is no account; altcraft login stores one, or set ALTCRAFT_URL and"
            " ALTCRAFT_TOKEN; to try without an account: altcraft simulate"
        )
    stored = ", ".join(names) or "none"
    return f"profile: no {name!r} (stored: {stored}); to add it: altcraft login --profile {name}"


def _readable(name: str) -> _Stored | None:
    """Return what the file of a profile has, if it can be read, by whomever."""
    try:
        return _read(profile_path(name), private=False)
    except (ConfigurationError, FileNotFoundError):
        return None


def _read(path: Path, *, private: bool) -> _Stored:
    """Read the file of a profile; if private, refuse one that others can read.

    Raises:
        FileNotFoundError: There is none.
        ConfigurationError: It cannot be read, or is broken.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if private and os.name != "nt" and mode & _OTHERS:
                fault = (
                    f"can be read or written by others (mode {mode & 0o777:o});"
                    f" to mend it: chmod 600 {path}"
                )
            else:
                stored = msgspec.json.decode(file.read(), type=_Stored)
                checked_address("profile", stored.url)
                Token("-" if stored.token is None else stored.token)
                return stored
    except FileNotFoundError:
        raise
    except OSError as failed:
        fault = f"cannot be read ({failed.strerror or failed})"
    except (msgspec.DecodeError, UnicodeDecodeError, ConfigurationError):
        fault = f"is broken; to write it again: altcraft login --profile {path.stem}"
    msg = f"profile: {path} {fault}"
    raise ConfigurationError(msg)


def _write(path: Path, stored: _Stored) -> None:
    """Write a file that only the user can read, whole or not at all."""
    temporary = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made with mode 0600, whatever the umask.
        with tempfile.NamedTemporaryFile(prefix=".", dir=path.parent, delete=False) as file:
            temporary = Path(file.name)
            file.write(msgspec.json.encode(stored) + b"\n")
        temporary.replace(path)
    except OSError as failed:
        reason = failed.strerror or str(failed)
    else:
        return
    if temporary is not None:
        with suppress(OSError):
            temporary.unlink()
    msg = f"profile: {path} cannot be written ({reason})"
    raise ConfigurationError(msg)
