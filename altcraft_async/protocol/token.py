"""The API token, which no text shows."""

from __future__ import annotations

from typing import Literal, NoReturn, cast
from urllib.parse import quote
from xml.sax.saxutils import escape

import msgspec

from altcraft_async.errors import ConfigurationError
from altcraft_async.models.validation import text_fault
from altcraft_async.protocol.messages import Response

__all__ = ["SecretBytes", "Token", "TokenLocation"]

TokenLocation = Literal["body", "header"]
"""The part of a request that has the token."""

_MASK = "***"

_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")
"""Of an answer. In other encodings, a token of ASCII has the bytes of the first."""

_QUOTES = {'"': "&quot;", "'": "&#x27;"}
"""As `html.escape` writes them, whose module takes 1 ms to import for names not needed here."""

_LEAST_IN_BODIES = 12
"""Characters of a token that no number or word of an answer contains by chance; samples have 32."""


class Token:
    """An API token that only `reveal` returns.

    It is opaque: the vendor shows samples but documents no form.
    """

    __slots__ = ("_in_bodies", "_shapes", "_text")

    def __init__(self, text: object) -> None:
        """Check the token; neither the error nor its traceback shows it.

        Raises:
            ConfigurationError: It is no text that fits into a header.
        """
        fault = text_fault(text)
        if fault is not None:
            del text  # tools that show the variables of a traceback must not show it
            msg = f"token: {fault}"
            raise ConfigurationError(msg)
        self._text = cast("str", text)
        escaped = {
            self._text,
            msgspec.json.encode(self._text).decode()[1:-1],
            self._text.replace("/", "\\/"),
            escape(self._text, _QUOTES),
            escape(self._text),
            quote(self._text, safe=""),
        }
        # The longest first, as one may be a part of another.
        self._shapes = sorted(escaped, key=len, reverse=True)
        long = [one for one in self._shapes if len(one) >= _LEAST_IN_BODIES]
        self._in_bodies = {
            encoding: [one.encode(encoding) for one in long] for encoding in _ENCODINGS
        }

    def reveal(self) -> str:
        """Return the token itself, for the request."""
        return self._text

    def mask(self, text: str) -> str:
        """Return the text with the token masked, escaped or not."""
        for shape in self._shapes:
            text = text.replace(shape, _MASK)
        return text

    def mask_response(self, response: Response) -> Response:
        """Return the answer with the token masked, in case the server sent it back."""
        body, where, kind = response.body, response.location, response.content_type
        found = False
        # Text in the wide encodings has zero bytes.
        for encoding in _ENCODINGS if b"\0" in body else _ENCODINGS[:1]:
            for shape in self._in_bodies[encoding]:
                if shape in body:
                    found = True
                    body = body.replace(shape, _MASK.encode(encoding))
        for text in self._shapes:
            if text in kind or text in where:
                found = True
                where, kind = self.mask(where), self.mask(kind)
        if not found:
            return response
        return msgspec.structs.replace(response, body=body, location=where, content_type=kind)

    def __repr__(self) -> str:
        """Show the mask."""
        return f"Token({_MASK})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied, as a copy may be stored."""
        msg = "an API token is not pickled"
        raise TypeError(msg)


class SecretBytes(bytes):
    """Bytes whose repr shows their length only, for tools that print variables of a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show the length only."""
        return f"<{len(self)} bytes>"

    __str__ = __repr__
