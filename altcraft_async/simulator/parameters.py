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

    The vendor does not document how wrong parameters are treated. The simulator is
    strict, so that mistakes show: it refuses unknown parameters, and in JSON ``"24"``
    for a number.

    Attributes:
        values: Values as read; null and the empty text count as not given.
        format: Format of the request. In XML, a number is a text and a list of one
            is a single value.
    """

    values: Mapping[str, object]
    format: Format = "json"

    def check_names(self, known: frozenset[str]) -> None:
        """Refuse parameters that are not known."""
        for name in self.values:
            if name not in known:
                raise RefusedError(BAD_REQUEST, f"unknown parameter {ascii(name)[:40]}")

    def is_given(self, name: str) -> bool:
        """Say whether the parameter has a value."""
        return self.values.get(name) not in (None, "")

    def number(self, name: str, default: int | None = None) -> int:
        """Return a positive integer."""
        if self.is_given(name):
            return self._positive(name, self.values[name])
        if default is None:
            raise RefusedError(BAD_REQUEST, f"parameter {name!r} is missing")
        return default

    def text(self, name: str) -> str:
        """Return a text."""
        if not self.is_given(name):
            raise RefusedError(BAD_REQUEST, f"parameter {name!r} is missing")
        return _text(name, self.values[name])

    def choice(self, name: str, words: Sequence[Word], default: Word | None = None) -> Word:
        """Return one of the words."""
        if default is not None and not self.is_given(name):
            return default
        text = self.text(name)
        for word in words:
            if word == text:
                return word
        raise RefusedError(BAD_REQUEST, f"parameter {name!r} has to be one of {', '.join(words)}")

    def numbers(self, name: str) -> frozenset[int]:
        """Return positive integers, none if the parameter is not given."""
        return self._all(name, self._positive)

    def texts(self, name: str) -> frozenset[str]:
        """Return texts, none if the parameter is not given."""
        return self._all(name, _text)

    def fields(self, name: str) -> Parameters | None:
        """Return the fields of an object, ``None`` if the parameter is not given."""
        if not self.is_given(name):
            return None
        value = self.values[name]
        if isinstance(value, dict):
            return Parameters(cast("dict[str, object]", value), self.format)
        raise RefusedError(BAD_REQUEST, f"parameter {name!r} has to be an object")

    def check_feedback(self) -> None:
        """Refuse ``feedback`` that does not have the documented shape."""
        fields = self.fields("feedback")
        if fields:
            fields.check_names(frozenset({"type", "url"}))
            fields.text("type")
            fields.text("url")

    def _all(self, name: str, check: Callable[[str, object], T]) -> frozenset[T]:
        if not self.is_given(name):
            return frozenset()
        value = self.values[name]
        if self.format == "xml" and not isinstance(value, list):
            value = [value]
        if isinstance(value, list):
            return frozenset(check(name, item) for item in cast("list[object]", value))
        raise RefusedError(BAD_REQUEST, f"parameter {name!r} has to be an array")

    def _positive(self, name: str, value: object) -> int:
        if self.format == "xml" and isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        raise RefusedError(BAD_REQUEST, f"parameter {name!r} has to be a positive integer")


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise RefusedError(BAD_REQUEST, f"parameter {name!r} has to be a string")
