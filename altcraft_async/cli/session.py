"""What all parts of one command line know: how much to print, and whose account it uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

import click

from altcraft_async.protocol.token import Token

__all__ = ["Session", "Verbosity", "current_session"]


class Verbosity(IntEnum):
    """How much is printed on stderr; results on stdout and exit codes stay the same."""

    QUIET = 0
    """Why a command failed, and nothing else."""
    NORMAL = 1
    """Progress and notices as well."""
    VERBOSE = 2
    """The account, and log records from INFO on as well."""
    DEBUG = 3
    """All log records."""


@dataclass
class Session:
    """One command line.

    Attributes:
        verbosity: As the options say; ``None`` where none was given.
        profile: The value of ``--profile``.
        used_profile: The profile whose account is used; ``None`` for the environment.
        token: The token of that account, once it is known.
    """

    verbosity: Verbosity | None = None
    profile: str | None = None
    used_profile: str | None = None
    token: Token | None = field(default=None, repr=False)

    def shows(self, level: Verbosity) -> bool:
        """Return whether to print what belongs to a level."""
        return (Verbosity.NORMAL if self.verbosity is None else self.verbosity) >= level

    def mask(self, text: str) -> str:
        """Return the text with the token masked."""
        return text if self.token is None else self.token.mask(text)

    def localized(self, text: str, names: Iterable[str] = ()) -> str:
        """Return the text with the variables of the account named as the account has them.

        Args:
            text: A message or hint.
            names: What else stands for the address in it.
        """
        for name in names:
            text = text.replace(name, "ALTCRAFT_URL")
        if self.used_profile is None:
            return text
        text = text.replace("ALTCRAFT_URL", f"the address of profile {self.used_profile}")
        return text.replace("ALTCRAFT_TOKEN", f"the token of profile {self.used_profile}")


def current_session() -> Session:
    """Return the session of the command that runs; a new one outside of commands."""
    context = click.get_current_context(silent=True)
    return (context and context.find_object(Session)) or Session()
