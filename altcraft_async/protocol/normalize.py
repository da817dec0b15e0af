"""Normalizes a plain value of an answer for the type that is wanted of it.

XML is ambiguous: one element may be a list of one, an empty tag null, "" or
[], and blanks text or layout. So a value is first normalized for the wanted
type, by a function that is built once per type from msgspec's description of it:

    wanted         value in XML         becomes
    list or tuple  one element          a list of it
    list or tuple  empty tag or blanks  []
    str            empty tag            ""
    struct         empty tag or blanks  a struct of defaults
    X | None       empty tag or blanks  None; of a str, blanks stay
    int or bool    text with blanks     the text alone, which msgspec converts

So the same answer in both formats gives equal values, or is refused in both.
For that, a number may be a text in JSON as well. Text keeps its blanks, but a
list with one blank text reads as empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from msgspec import inspect

__all__ = ["BLANKS", "Normalize", "Plain", "normalizer"]

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
"""A value of either format; in XML every scalar is a string or ``None``."""

BLANKS = " \t\r\n"
"""White space of JSON and XML."""

Normalize = Callable[[Plain], Plain]

_normalizers: dict[tuple[type, bool], Normalize | None] = {}


def normalizer(wanted: type, *, textual: bool) -> Normalize | None:
    """Return what normalizes a value for this type; ``None`` where nothing is ambiguous."""
    key = (wanted, textual)
    if key not in _normalizers:
        scalars = _stripped if textual else None
        _normalizers[key] = _normalizer_of(inspect.type_info(wanted), scalars)
    return _normalizers[key]


def _is_empty(value: Plain) -> bool:
    return value is None or (isinstance(value, str) and not value.strip(BLANKS))


def _stripped(value: Plain) -> Plain:
    return value.strip(BLANKS) if isinstance(value, str) else value


def _normalizer_of(kind: inspect.Type, scalars: Normalize | None) -> Normalize | None:
    """Return the normalizer of a type, with this one for numbers and bools."""
    if isinstance(kind, inspect.StrType):
        return lambda value: "" if value is None else value
    if isinstance(kind, (inspect.IntType, inspect.BoolType)):
        return scalars
    if isinstance(kind, (inspect.ListType, inspect.VarTupleType)):
        return _list_normalizer(_normalizer_of(kind.item_type, scalars))
    if isinstance(kind, inspect.StructType):
        return _struct_normalizer(kind, scalars)
    if isinstance(kind, inspect.UnionType):
        return _optional_normalizer(kind, scalars)
    return None


def _list_normalizer(normalize_item: Normalize | None) -> Normalize:
    def normalize(value: Plain) -> Plain:
        if _is_empty(value):
            return []
        items: list[Plain] = value if isinstance(value, list) else [value]
        return [normalize_item(item) for item in items] if normalize_item else items

    return normalize


def _struct_normalizer(kind: inspect.StructType, scalars: Normalize | None) -> Normalize:
    by_name = {
        field.encode_name: normalize_field
        for field in kind.fields
        if (normalize_field := _normalizer_of(field.type, scalars)) is not None
    }

    def normalize(value: Plain) -> Plain:
        if _is_empty(value):
            return {}
        if not isinstance(value, dict) or not by_name:
            return value
        return value | {
            name: normalize_field(value[name])
            for name, normalize_field in by_name.items()
            if name in value
        }

    return normalize


def _optional_normalizer(kind: inspect.UnionType, scalars: Normalize | None) -> Normalize | None:
    """Normalize ``X | None``, where an empty tag is ``None``; of other unions, scalars alone."""
    others = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
    if any(isinstance(one, inspect.StrType) for one in others):
        return None
    if len(others) != 1:
        return scalars
    normalize_other = _normalizer_of(others[0], scalars)
    return normalize_other and (lambda value: None if _is_empty(value) else normalize_other(value))
