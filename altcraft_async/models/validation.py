"""Checks arguments before anything is sent; each error names the argument."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import index
from typing import SupportsFloat, SupportsIndex, TypeGuard, cast

from altcraft_async.models.base_errors import ConfigurationError

__all__ = [
    "checked_choice",
    "checked_function",
    "checked_id",
    "checked_ids",
    "checked_key",
    "checked_kind",
    "checked_limit",
    "checked_names",
    "checked_number",
    "checked_positive",
    "checked_seconds",
    "checked_share",
    "checked_target",
    "checked_task_id",
    "checked_text",
    "checked_words",
    "task_id_fault",
    "text_fault",
]

_LARGEST_ID = 2**63 - 1

# Every entry of a ledger has it; enough for a date, a name and a random id.
_LONGEST_KEY = 200

_LONGEST_TASK_ID = 200  # those of the vendor's samples have 36 characters

# Characters that XML or UTF-8 cannot have.
_UNSENDABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def checked_id(name: str, value: SupportsIndex) -> int:
    """Return a positive id as an ``int``, from anything with ``__index__`` but a bool."""
    try:
        number = 0 if isinstance(value, bool) else index(value)
    except Exception:  # noqa: BLE001 -- any code of the caller
        number = 0
    if 0 < number <= _LARGEST_ID:
        return number
    msg = f"{name}: has to be a positive whole number, not {_shown(value)}"
    raise ConfigurationError(msg, wrong_value=True)


def checked_ids(name: str, values: object) -> list[int]:
    """Return one or more positive ids; an empty collection is no filter."""
    return [checked_id(name, cast("SupportsIndex", value)) for value in _several(name, values)]


def checked_target(target: object, *names: str, least: int | None = None) -> tuple[int, ...]:
    """Return a target of ``refresh_many``: a tuple of positive ids with these names.

    Args:
        target: Anything.
        names: Of its ids.
        least: How many ids it has at least; ``None`` for all.
    """
    lengths = range(len(names) if least is None else least, len(names) + 1)
    if _is_sequence(target) and len(target) in lengths:
        return tuple(map(checked_id, names, target))
    wanted = " or ".join(f"({', '.join(names[:length])})" for length in lengths)
    msg = f"targets: have to be {wanted} each, not {_shown(target)}"
    raise ConfigurationError(msg, wrong_value=True)


def _is_sequence(target: object) -> TypeGuard[Sequence[SupportsIndex]]:
    return isinstance(target, (tuple, list))


def checked_text(name: str, value: object) -> str:
    """Return a text that fits into a header and a URL; the error never quotes it."""
    return _faultless(name, value, text_fault(value))


def text_fault(value: object) -> str | None:
    """Return why a value does not fit into a header and a URL; ``None`` where it does."""
    if not isinstance(value, str) or not value:
        return "has to be a non-empty string"
    if not value.isprintable() or " " in value:
        return "has to be without spaces and control characters"
    return None


def checked_task_id(name: str, value: object) -> str:
    """Return the id of a task; the error never quotes it."""
    return _faultless(name, value, task_id_fault(value))


def task_id_fault(value: object) -> str | None:
    """Return why a value cannot be the id of a task; ``None`` where it can."""
    if isinstance(value, str) and len(value) > _LONGEST_TASK_ID:
        return f"has to be no longer than {_LONGEST_TASK_ID} characters"
    return text_fault(value)


def _faultless(name: str, value: object, fault: str | None) -> str:
    """Return a text without a fault."""
    if fault is None:
        return cast("str", value)
    msg = f"{name}: {fault}"
    raise ConfigurationError(msg, wrong_value=True)


def checked_seconds(name: str, value: object, *, least: float = 0.0) -> float:
    """Return a finite number of seconds from ``least`` on."""
    seconds = _number(value)
    if least <= seconds < math.inf:
        return seconds
    msg = f"{name}: has to be a number of seconds from {least:g} on, not {_shown(value)}"
    raise ConfigurationError(msg)


def checked_limit(name: str, value: object) -> float | None:
    """Return a number of seconds, or ``None`` for no limit."""
    return None if value is None else checked_seconds(name, value)


def checked_number(name: str, value: object) -> float:
    """Return a number from 0 on, however large."""
    number = _number(value)
    if number >= 0:
        return number
    msg = f"{name}: has to be a number from 0 on, not {_shown(value)}"
    raise ConfigurationError(msg)


def checked_share(name: str, value: object) -> float:
    """Return a number from 0 to 1."""
    number = _number(value)
    if 0 <= number <= 1:
        return number
    msg = f"{name}: has to be between 0 and 1, not {_shown(value)}"
    raise ConfigurationError(msg)


def checked_choice(name: str, value: object, *choices: str) -> None:
    """Refuse any other value than these words."""
    if not (isinstance(value, str) and value in choices):
        msg = f"{name}: has to be {' or '.join(map(repr, choices))}, not {_shown(value)}"
        raise ConfigurationError(msg)


def checked_positive(name: str, value: object) -> float:
    """Return a finite number above 0."""
    number = _number(value)
    if 0 < number < math.inf:
        return number
    msg = f"{name}: has to be a positive number, not {_shown(value)}"
    raise ConfigurationError(msg)


def checked_kind(name: str, value: object, kind: type) -> None:
    """Refuse a value of another type."""
    if not isinstance(value, kind):
        msg = f"{name}: has to be {kind.__name__}, not {type(value).__name__}"
        raise ConfigurationError(msg)


def checked_key(name: str, value: object) -> str:
    """Return the caller's own name for a start; ``None`` becomes ``""``."""
    if value is None:
        return ""
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_KEY and not _UNSENDABLE.search(value):
        return value
    msg = f"{name}: has to be a text of 1 to {_LONGEST_KEY} characters without control characters"
    raise ConfigurationError(msg, wrong_value=True)


def checked_function(name: str, value: object) -> None:
    """Refuse anything but a callable or ``None``."""
    if not (value is None or callable(value)):
        msg = f"{name}: has to be a function, not {_shown(value)}"
        raise ConfigurationError(msg)


def checked_names(name: str, value: object) -> frozenset[str]:
    """Return names in lower case; one text is no collection."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        names = list(cast("Iterable[object]", value))
        found = [one for one in names if isinstance(one, str)]
        if len(found) == len(names):
            return frozenset(one.strip().lower() for one in found)
    msg = f"{name}: has to be a collection of texts"
    raise ConfigurationError(msg)


def checked_words(name: str, values: object) -> list[str]:
    """Return one or more texts as they are; an empty collection is no filter."""
    several = _several(name, values)
    words = [word for word in several if isinstance(word, str) and word]
    if len(words) == len(several) and not any(map(_UNSENDABLE.search, words)):
        return words
    msg = f"{name}: has to be a collection of non-empty texts without control characters"
    raise ConfigurationError(msg, wrong_value=True)


def _several(name: str, values: object) -> list[object]:
    if isinstance(values, Collection) and not isinstance(values, (str, bytes, Mapping)):
        # A list, as the truth of an array is an error.
        several = list(cast("Collection[object]", values))
        if several:
            return several
    msg = f"{name}: has to be a collection of one or more; None is for no filter"
    raise ConfigurationError(msg, wrong_value=True)


def _number(value: object) -> float:
    try:
        # Most are plain numbers; asking for the protocol takes 6 µs, and each start asks.
        return float(value) if isinstance(value, (int, float, SupportsFloat)) else math.nan
    except OverflowError:
        return math.inf


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 -- such as an int of thousands of digits
        return "this"
