"""``login``, ``whoami`` and ``logout``: stored accounts."""

from __future__ import annotations

from typing import Any

import click

from altcraft_async.cli.options import examples, form_option

__all__ = ["login", "logout", "whoami"]


@click.command(
    short_help="Store an account for the commands that follow.",
    epilog=examples(
        "altcraft login",
        "altcraft login --profile staging",
        "altcraft login --url https://altcraft.example.com --no-keyring < token.txt",
    ),
)
@click.option("--url", metavar="URL", help="Address of the platform; asked for by default.")
@click.option(
    "--no-keyring",
    is_flag=True,
    help="Keep the token in a file that only you can read, for jobs that run while"
    " the keyring is locked.",
)
def login(**options: Any) -> None:
    """Store an account, so that commands need no environment variables.

    Asks for the address and the token, checks them with one request, and stores
    the token in the system's keyring if the package keyring is installed and
    works, else in a file that only you can read. Where stdin is not a terminal,
    the token is read from there.
    """
    from altcraft_async.cli.actions.account import log_in

    log_in(**options)


@click.command(epilog=examples("altcraft whoami", "altcraft whoami --profile staging --json"))
@form_option("json")
def whoami(**options: Any) -> None:
    """Show which account is used, and check it with one request.

    If ALTCRAFT_URL and ALTCRAFT_TOKEN are set, no profile is used, not even one
    that --profile names.
    """
    from altcraft_async.cli.actions.account import show_account

    show_account(**options)


@click.command(epilog=examples("altcraft logout", "altcraft logout --profile staging"))
def logout(**options: Any) -> None:
    """Delete a stored account.

    The token stays valid at the platform.
    """
    from altcraft_async.cli.actions.account import log_out

    log_out(**options)
