"""Writes requests and reads answers in JSON and XML.

`read` makes a `Document` of plain dicts, lists and scalars in either format.
XML is ambiguous: one element may be a list of one, an empty tag null, "" or
[], and blanks text or layout. So `Document.to` first normalizes the value for
the wanted type, by a function that is built once per type from msgspec's
description of it:

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

The first byte of an answer tells its format: that of an error in XML is not documented.

Reading is bounded: `MAX_DEPTH` in both formats, `MAX_ELEMENTS` and no entities
in XML. xmltodict, which writes XML, would read the same dicts, but takes three
times as long and has no bounds.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar
from xml.parsers import expat
from xml.sax.saxutils import escape

import msgspec
import xmltodict
from msgspec import inspect

from altcraft_async.protocol import fair_json

__all__ = [
    "FORMATS",
    "MAX_DEPTH",
    "MAX_ELEMENTS",
    "Document",
    "Format",
    "Plain",
    "UnreadableError",
    "read",
]

T = TypeVar("T")

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
"""A value of either format; in XML every scalar is a string or ``None``."""

MAX_DEPTH = 64
"""Nested elements or objects. The deepest documented answer has seven."""

MAX_ELEMENTS = 200_000
"""XML elements. A group of twenty channels has some 250; reading that many took 0.3 s."""

ROOT = "xml"
"""The root element of every XML document the vendor shows, both directions."""

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"

_TOO_MANY = f"more than {MAX_ELEMENTS} elements"

_BLANKS = " \t\r\n"
"""White space of JSON and XML."""


class UnreadableError(ValueError):
    """The bytes are no JSON or XML, exceed a bound, or do not have the wanted shape."""


class Format(msgspec.Struct, frozen=True):
    """A format of requests.

    Attributes:
        name: Value of the ``format`` parameter.
        content_type: Value of the ``Content-Type`` header.
        encode: Makes the request body from parameters by wire name.
        escape: Makes the bytes of a text inside a value.
    """

    name: str
    content_type: str
    encode: Callable[[Mapping[str, object]], bytes]
    escape: Callable[[str], bytes]


def _escape_json(text: str) -> bytes:
    return msgspec.json.encode(text)[1:-1]


def _escape_xml(text: str) -> bytes:
    return escape(text).encode()


def _encode_xml(params: Mapping[str, object]) -> bytes:
    return xmltodict.unparse({ROOT: msgspec.to_builtins(params)}).encode()


FORMATS: Mapping[str, Format] = {
    "json": Format("json", "application/json", msgspec.json.Encoder().encode, _escape_json),
    "xml": Format("xml", "application/xml", _encode_xml, _escape_xml),
}


class Document(msgspec.Struct, frozen=True):
    """The value of an answer or of a part of it.

    Attributes:
        value: Dicts, lists and scalars.
        textual: Whether every scalar is text, as in XML.
    """

    value: Plain
    textual: bool

    def field(self, name: str) -> Plain:
        """Return a required field.

        Raises:
            UnreadableError: It is missing.
        """
        if isinstance(self.value, dict) and name in self.value:
            return self.value[name]
        msg = f"Object missing required field `{name}`"
        raise UnreadableError(msg)

    def mapping(self, name: str) -> dict[str, Plain]:
        """Return a field that is an object.

        Raises:
            UnreadableError: It is missing or something else.
        """
        value = self.value.get(name) if isinstance(self.value, dict) else None
        if isinstance(value, dict):
            return value
        msg = f"Expected `object` - at `$.{name}`"
        raise UnreadableError(msg)

    def to(self, wanted: type[T]) -> T:
        """Return the value as the wanted type.

        Raises:
            UnreadableError: It has another shape; the text says where.
        """
        normalize = _normalizer(wanted, self.textual)
        value = normalize(self.value) if normalize else self.value
        try:
            return msgspec.convert(value, wanted, strict=False)
        except (msgspec.ValidationError, RecursionError) as refused:
            reason = str(refused)
        raise UnreadableError(reason)


def read(body: bytes) -> Document:
    """Read an answer in either format.

    Raises:
        UnreadableError: It is neither, too deep or too large.
    """
    if body.startswith(b"{"):
        return Document(_read_json(body), textual=False)
    try:
        text, encoding = _bare(body)
    except UnicodeDecodeError as refused:
        reason = str(refused)
    else:
        if text.startswith(b"<"):
            return Document(_read_xml(text, encoding), textual=True)
        return Document(_read_json(text), textual=False)
    raise UnreadableError(reason)


def _is_empty(value: Plain) -> bool:
    return value is None or (isinstance(value, str) and not value.strip(_BLANKS))


def _bare(body: bytes) -> tuple[bytes, str | None]:
    """Return the answer without what msgspec and expat refuse, and the encoding of its mark."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        body = codecs.BOM_UTF8 + body.decode("utf-16").encode()
    text = body.lstrip(codecs.BOM_UTF8 + _BLANKS.encode())
    is_marked = codecs.BOM_UTF8 in body[: len(body) - len(text)]
    return text, "utf-8" if is_marked else None


def _read_json(text: bytes) -> Plain:
    try:
        decoded: Plain = fair_json.decode(text)
    except ValueError as refused:
        reason = str(refused)
    except RecursionError:
        reason = _TOO_DEEP
    else:
        # The depth is at most the number of brackets, which is small in most answers.
        if text.count(b"{") + text.count(b"[") <= MAX_DEPTH or _is_flat(decoded, MAX_DEPTH):
            return decoded
        reason = _TOO_DEEP
    raise UnreadableError(reason)


def _is_flat(value: Plain, levels: int) -> bool:
    match value:
        case dict():
            return levels > 0 and all(_is_flat(one, levels - 1) for one in value.values())
        case list():
            return levels > 0 and all(_is_flat(one, levels - 1) for one in value)
        case _:
            return True


def _read_xml(text: bytes, encoding: str | None) -> Plain:
    try:
        document = _parse_xml(text, encoding)
    except (expat.ExpatError, ValueError, LookupError) as refused:
        reason = str(refused)
    else:
        if ROOT in document:
            return document[ROOT]
        reason = f"the root element is not <{ROOT}>"
    raise UnreadableError(reason)


def _parse_xml(text: bytes, encoding: str | None) -> dict[str, Plain]:
    """Return the root element by its name.

    An element is a dict of its elements, or else its text, or ``None`` if empty.
    Elements of one name are a list. Text beside elements is layout.
    """
    above: list[dict[str, Plain]] = []  # the elements around the open one
    inside: dict[str, Plain] = {}  # the elements of the open one
    texts: list[str] = []  # of the innermost element
    elements = 0

    def opened(_name: str, _attributes: object) -> None:
        nonlocal inside, elements
        elements += 1
        above.append(inside)
        if len(above) > MAX_DEPTH or elements > MAX_ELEMENTS:
            raise UnreadableError(_TOO_DEEP if len(above) > MAX_DEPTH else _TOO_MANY)
        inside = {}
        texts.clear()

    def closed(name: str) -> None:
        nonlocal inside
        value: Plain = inside or "".join(texts) or None
        texts.clear()
        inside = above.pop()
        if name not in inside:
            inside[name] = value
            return
        same = inside[name]
        if isinstance(same, list):
            same.append(value)
        else:
            inside[name] = [same, value]

    def declared(*_declaration: object) -> None:
        msg = "entities are refused"
        raise UnreadableError(msg)

    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    parser.CharacterDataHandler = texts.append
    parser.EntityDeclHandler = declared
    parser.Parse(text, True)  # noqa: FBT003 -- expat takes no keywords
    return inside


_Normalize = Callable[[Plain], Plain]

_normalizers: dict[tuple[type, bool], _Normalize | None] = {}


def _normalizer(wanted: type, textual: bool) -> _Normalize | None:  # noqa: FBT001 -- half of a key
    """Return what normalizes a value for this type; ``None`` where nothing is ambiguous."""
    key = (wanted, textual)
    if key not in _normalizers:
        scalars = _stripped if textual else None
        _normalizers[key] = _normalizer_of(inspect.type_info(wanted), scalars)
    return _normalizers[key]


def _stripped(value: Plain) -> Plain:
    return value.strip(_BLANKS) if isinstance(value, str) else value


def _normalizer_of(kind: inspect.Type, scalars: _Normalize | None) -> _Normalize | None:
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


def _list_normalizer(normalize_item: _Normalize | None) -> _Normalize:
    def normalize(value: Plain) -> Plain:
        if _is_empty(value):
            return []
        items: list[Plain] = value if isinstance(value, list) else [value]
        return [normalize_item(item) for item in items] if normalize_item else items

    return normalize


def _struct_normalizer(kind: inspect.StructType, scalars: _Normalize | None) -> _Normalize:
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


def _optional_normalizer(kind: inspect.UnionType, scalars: _Normalize | None) -> _Normalize | None:
    """Normalize ``X | None``, where an empty tag is ``None``; of other unions, scalars alone."""
    others = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
    if any(isinstance(one, inspect.StrType) for one in others):
        return None
    if len(others) != 1:
        return scalars
    normalize_other = _normalizer_of(others[0], scalars)
    return normalize_other and (lambda value: None if _is_empty(value) else normalize_other(value))
