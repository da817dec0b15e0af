"""What all parts of one command line share: how much to print, and whose account it uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from altcraft_async.protocol.token import Token

__all__ = ["Session", "Verbosity", "current_session"]


class Verbosity(IntEnum):
    """How much is printed on stderr. Results on stdout and exit codes are always the same."""

    QUIET = 0
    """Only why a command failed."""
    NORMAL = 1
    """Also progress and notices."""
    VERBOSE = 2
    """Also the account, and log records of the library from INFO on."""
    DEBUG = 3
    """All log records of the library."""


@dataclass
class Session:
    """One command line.

    Attributes:
        verbosity: What an option says; ``None`` without one.
        profile: The value of ``--profile``.
        used_profile: The profile whose account is used; ``None`` for the environment.
        token: The token of the account, once it is known.
        command: The words of the command that is read, for a hint at its help.
    """

    verbosity: Verbosity | None = None
    profile: str | None = None
    used_profile: str | None = None
    token: Token | None = field(default=None, repr=False)
    command: str = "altcraft"

    def shows(self, level: Verbosity) -> bool:
        """Return whether to print what belongs to a level."""
        return (Verbosity.NORMAL if self.verbosity is None else self.verbosity) >= level

    def mask(self, text: str) -> str:
        """Return the text with the token masked."""
        return text if self.token is None else self.token.mask(text)

    def name_account(self, text: str) -> str:
        """Return a message or hint with the profile in place of variables that are not used."""
        if self.used_profile is None:
            return text
        text = text.replace("ALTCRAFT_URL", f"the address of profile {self.used_profile}")
        return text.replace("ALTCRAFT_TOKEN", f"the token of profile {self.used_profile}")


def current_session() -> Session:
    """Return the session of the running command; a new one where none runs."""
    context = click.get_current_context(silent=True)
    return (context and context.find_object(Session)) or Session()
