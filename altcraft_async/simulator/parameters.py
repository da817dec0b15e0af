"""The parameters of a request, checked as they are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from altcraft_async.simulator.codec import Format

BAD_REQUEST = 400
UNAUTHORIZED = 401
NOT_FOUND = 404

T = TypeVar("T")
Word = TypeVar("Word", bound=str)

_DIGITS = re.compile(r"[0-9]{1,18}")


class RefusedError(Exception):
    """The platform refuses a request.

    Attributes:
        code: ``error`` of the response.
        text: ``error_text``; our choice, as the vendor documents codes only.
    """

    def __init__(self, code: int, text: str) -> None:
        """Keep both."""
        super().__init__(code, text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one request, without the token.

    The vendor does not document how wrong parameters are treated. By default they are
    read as by a lenient server: it ignores unknown parameters, takes ``"24"`` for a
    number and 24 for a text, takes one value for a list of it, compares words in any
    case, and takes 0 and an empty object for what was left out. A strict reading
    refuses all of that.

    Attributes:
        values: Values as read; null and the empty text count as not given.
        format: Format of the request. In XML, a number is a text and a list of one
            is a single value.
        strict: Whether the reading is strict.
    """

    values: Mapping[str, object]
    format: Format = "json"
    strict: bool = False

    def check_names(self, known: frozenset[str]) -> None:
        """Refuse parameters that are not known, if the reading is strict."""
        for name in self.values if self.strict else ():
            if name not in known:
                raise RefusedError(BAD_REQUEST, f"unknown parameter {ascii(name)[:40]}")

    def is_given(self, name: str) -> bool:
        """Say whether the parameter has a value."""
        return self.values.get(name) not in (None, "")

    def number(self, name: str, default: int | None = None) -> int:
        """Return a positive integer."""
        if self.is_given(name):
            number = self._integer(name, self.values[name])
            if number or self.strict:
                return self._positive(name, number)
        if default is None:
            raise RefusedError(BAD_REQUEST, f"parameter {name!r} is missing")
        return default

    def text(self, name: str) -> str:
        """Return a text."""
        if not self.is_given(name):
            raise RefusedError(BAD_REQUEST, f"parameter {name!r} is missing")
        return self._text(name, self.values[name])

    def choice(self, name: str, words: Sequence[Word], default: Word | None = None) -> Word:
        """Return one of the words."""
        if default is not None and not self.is_given(name):
            return default
        text = self.text(name)
        for word in words:
            if word == (text if self.strict else text.strip().lower()):
                return word
        raise RefusedError(BAD_REQUEST, f"parameter {name!r} has to be one of {', '.join(words)}")

    def numbers(self, name: str) -> frozenset[int]:
        """Return positive integers, none if the parameter is not given."""
        return self._all(name, self._positive)

    def texts(self, name: str) -> frozenset[str]:
        """Return texts, none if the parameter is not given."""
        return self._all(name, self._text)

    def fields(self, name: str) -> Parameters | None:
        """Return the fields of an object, ``None`` if the parameter is not given."""
        if not self.is_given(name):
            return None
        value = self.values[name]
        if isinstance(value, dict):
            held = cast("dict[str, object]", value)
            fields = Parameters(held, self.format, self.strict)
            return fields if self.strict or any(map(fields.is_given, held)) else None
        raise RefusedError(BAD_REQUEST, f"parameter {name!r} has to be an object")

    def check_feedback(self) -> None:
        """Refuse ``feedback`` that does not have the documented shape."""
        fields = self.fields("feedback")
        if fields:
            fields.check_names(frozenset({"type", "url"}))
            if self.strict or fields.is_given("type"):
                fields.text("type")
            fields.text("url")

    def _all(self, name: str, check: Callable[[str, object], T]) -> frozenset[T]:
        if not self.is_given(name):
            return frozenset()
        value = self.values[name]
        if not isinstance(value, list) and (self.format == "xml" or not self.strict):
            value = [value]
        if isinstance(value, list):
            return frozenset(check(name, item) for item in cast("list[object]", value))
        raise RefusedError(BAD_REQUEST, f"parameter {name!r} has to be an array")

    def _positive(self, name: str, value: object) -> int:
        number = self._integer(name, value)
        if number > 0:
            return number
        raise _not_positive(name)

    def _integer(self, name: str, value: object) -> int:
        if isinstance(value, str) and (self.format == "xml" or not self.strict):
            text = value.strip()
            value = int(text) if _DIGITS.fullmatch(text) else value
        if isinstance(value, float) and value.is_integer() and not self.strict:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise _not_positive(name)

    def _text(self, name: str, value: object) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, (int, float)) and not (self.strict or isinstance(value, bool)):
            return str(value)
        raise RefusedError(BAD_REQUEST, f"parameter {name!r} has to be a string")


def _not_positive(name: str) -> RefusedError:
    return RefusedError(BAD_REQUEST, f"parameter {name!r} has to be a positive integer")
