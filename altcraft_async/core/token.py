"""The API token, kept from showing itself."""

from __future__ import annotations

from typing import NoReturn

from altcraft_async.core.checks import checked_text

__all__ = ["SecretBytes", "Token"]

_MASK = "***"


class Token:
    """An API token that only `reveal` gives away.

    It is opaque: the vendor shows samples but documents no form.
    """

    __slots__ = ("_text",)

    def __init__(self, text: object) -> None:
        """Check the token without ever quoting it."""
        self._text = checked_text("token", text)

    def reveal(self) -> str:
        """Return the token itself, for the one place that writes it into a request."""
        return self._text

    def hide(self, text: str) -> str:
        """Return the text without the token in it."""
        return text.replace(self._text, _MASK)

    def __repr__(self) -> str:
        """Show nothing."""
        return f"Token({_MASK})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied into what might be stored."""
        msg = "an API token is not pickled"
        raise TypeError(msg)


class SecretBytes(bytes):
    """Bytes that show their length only, for tools that print the variables of a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show the length only."""
        return f"<{len(self)} bytes>"

    __str__ = __repr__
