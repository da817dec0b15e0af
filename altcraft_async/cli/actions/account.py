"""``login``, ``whoami`` and ``logout``: stored accounts."""

from __future__ import annotations

import getpass
import sys
import warnings
from typing import Literal

import click
import msgspec

from altcraft_async import AltcraftClient, ConfigurationError, PermissionDeniedError
from altcraft_async.cli.account import (
    Account,
    check_account,
    chosen_profile,
    current_account,
    is_in_environment,
    note_unused_profile,
)
from altcraft_async.cli.options import Form
from altcraft_async.cli.output import print_json, print_notice, print_view
from altcraft_async.cli.profiles import (
    delete_profile,
    profile_names,
    profile_path,
    store_profile,
    stored_address,
)
from altcraft_async.cli.runner import run
from altcraft_async.cli.session import current_session
from altcraft_async.cli.tables import details_table
from altcraft_async.protocol.base_url import checked_address
from altcraft_async.protocol.token import Token

__all__ = ["log_in", "log_out", "show_account"]


class _AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """What ``whoami`` prints."""

    source: Literal["environment", "profile"]
    profile: str | None
    address: str
    token_in: Literal["environment", "keyring", "file"]
    file: str | None
    profiles: tuple[str, ...]


def log_in(*, url: str | None, no_keyring: bool) -> None:
    """Store an account, so that commands need no environment variables."""
    name = chosen_profile(current_session())
    address = checked_address("url", _asked_address(name) if url is None else url)
    token = _read_token()
    account = Account(profile=name, url=address, token=token, token_in="file")  # noqa: S106 -- the keeper
    is_limited = run(_check(account.client()))
    reason = store_profile(name, address, token, use_keyring=not no_keyring)
    print_notice(f"logged in to {address} as profile {name}")
    if is_limited:
        print_notice("the token may not list resources, so some commands may be refused")
    print_notice(
        "the token is in the system's keyring"
        if reason is None
        else f"the token is in {profile_path(name)}, which only you can read,"
        f" and not in the system's keyring ({reason})"
    )
    if is_in_environment():
        print_notice(
            "ALTCRAFT_URL or ALTCRAFT_TOKEN is set, so no profile is used until both are unset"
        )


def _asked_address(name: str) -> str:
    """Ask for the address; what the profile had is the answer to an empty line."""
    if not sys.stdin.isatty():
        msg = "--url is missing: stdin is not a terminal, so it can only give the token."
        raise click.UsageError(msg, click.get_current_context())
    answer: str = click.prompt("Address", default=stored_address(name), err=True)
    return answer.strip()


def _read_token() -> Token:
    """Ask for the token without showing it, or read it from a stdin that is not a terminal."""
    if not sys.stdin.isatty():
        return _read_line()
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)  # it would show the token
        try:
            return Token(click.prompt("Token (not shown)", hide_input=True, err=True).strip())
        except getpass.GetPassWarning:
            msg = "token: this terminal would show it; give it on stdin"
    raise ConfigurationError(msg)


def _read_line() -> Token:
    try:
        return Token(sys.stdin.readline().strip())
    except UnicodeDecodeError:  # its frames show what was read
        msg = "token: what stdin gives is not text"
    raise ConfigurationError(msg)


async def _check(client: AltcraftClient) -> bool:
    """Check an account; return whether its token has too few rights for the check itself."""
    try:
        await check_account(client)
    except PermissionDeniedError:  # a valid token may be refused some methods
        return True
    return False


def show_account(*, form: Form) -> None:
    """Show which account is used, and check it with one request."""
    account = current_account(current_session())
    note_unused_profile(account)
    view = _AccountView(
        source="environment" if account.profile is None else "profile",
        profile=account.profile,
        address=account.url,
        token_in=account.token_in,
        file=None if account.profile is None else str(profile_path(account.profile)),
        profiles=tuple(profile_names()),
    )
    if form == "json":
        print_json(msgspec.to_builtins(view))
    else:
        print_view(details_table(view))
    is_limited = run(_check(account.client()))
    print_notice(
        "the platform takes the token, but not to list resources"
        if is_limited
        else "the platform accepts the account"
    )


def log_out() -> None:
    """Delete a stored account."""
    name = chosen_profile(current_session())
    delete_profile(name)
    print_notice(f"deleted profile {name} and its token, which stays valid at the platform")
    if is_in_environment():
        print_notice("the environment still has ALTCRAFT_URL or ALTCRAFT_TOKEN")
