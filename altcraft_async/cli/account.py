"""Whose account a command uses: the environment's, else a stored profile's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal, Unpack

import msgspec

from altcraft_async import AltcraftClient, ClientOptions, TaskLedger
from altcraft_async.api.environment import checked_environment, checked_format
from altcraft_async.cli.output import print_message, print_notice
from altcraft_async.cli.profiles import checked_name, load_profile
from altcraft_async.cli.session import Session, Verbosity, current_session
from altcraft_async.protocol.token import Token

__all__ = [
    "Account",
    "account_client",
    "check_account",
    "chosen_profile",
    "current_account",
    "is_in_environment",
    "make_client",
    "note_unused_profile",
]

_DEFAULT = "default"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account.

    Attributes:
        profile: Where it is stored; ``None`` for the environment.
        url: Its address.
        token: Its token, which the repr does not show.
        token_in: Who keeps the token.
    """

    profile: str | None
    url: str
    token: Token
    token_in: Literal["environment", "keyring", "file"]

    def client(self, **options: Unpack[ClientOptions]) -> AltcraftClient:
        """Return a client of it; warnings and hints name it from now on."""
        session = current_session()
        session.used_profile, session.token = self.profile, self.token
        return AltcraftClient(self.url, self.token.reveal(), format=checked_format(), **options)


def account_client(**options: Unpack[ClientOptions]) -> AltcraftClient:
    """Return a client of the account in use.

    Raises:
        ConfigurationError: There is no account, or a part of it is missing or wrong.
    """
    session = current_session()
    account = current_account(session)
    source = "the environment" if account.profile is None else f"profile {account.profile}"
    if session.shows(Verbosity.VERBOSE):
        print_message(f"using the account of {source} at {account.url}")
    note_unused_profile(account)
    return account.client(**options)


def note_unused_profile(account: Account) -> None:
    """Say so where ``--profile`` names one, and the environment goes first."""
    named = current_session().profile
    if account.profile is None and named is not None:
        print_notice(f"profile {named} is not used, as ALTCRAFT_URL and ALTCRAFT_TOKEN are set")


def make_client(options: Mapping[str, Any], ledger: TaskLedger | None = None) -> AltcraftClient:
    """Return a client of the account in use, set up by the options of a command."""
    given: ClientOptions = {
        "segment_database_name": options.get("database_name"),
        "rate_limit": options.get("rate_limit"),
        "ledger": ledger,
    }
    if (patience := options.get("outage_patience")) is not None:
        given["outage_patience"] = patience
    return account_client(**given)


def current_account(session: Session) -> Account:
    """Return the account in use.

    The address and the token always come from the same place, so that no token is
    sent to the address of another install.

    Raises:
        ConfigurationError: There is none, or a part of it is missing or wrong.
    """
    if is_in_environment():
        checked_environment()
        return Account(
            profile=None,
            url=os.environ["ALTCRAFT_URL"],
            token=Token(os.environ["ALTCRAFT_TOKEN"]),
            token_in="environment",  # noqa: S106 -- the keeper
        )
    stored = load_profile(chosen_profile(session))
    return Account(
        profile=stored.name, url=stored.url, token=stored.token, token_in=stored.token_in
    )


def is_in_environment() -> bool:
    """Return whether the environment has an account, or a part of one."""
    return any(os.environ.get(name) for name in ("ALTCRAFT_URL", "ALTCRAFT_TOKEN"))


def chosen_profile(session: Session) -> str:
    """Return the name of the profile that ``--profile`` or ``ALTCRAFT_PROFILE`` says.

    Raises:
        ConfigurationError: It cannot be one.
    """
    name = session.profile
    return checked_name(os.environ.get("ALTCRAFT_PROFILE") or _DEFAULT if name is None else name)


async def check_account(client: AltcraftClient) -> None:
    """Send one harmless request, and close the client.

    Raises:
        AltcraftError: The platform cannot be reached, or refuses the account.
    """
    async with client:
        async for _ in client.resources.list(limit=1):
            break
