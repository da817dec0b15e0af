"""JSON and XML, both ways.

Reading gives a `Document`: plain dicts, lists and scalars, whatever the
format. What XML cannot say (is one element a list of one? is an empty tag
null, "" or []?) is settled by the type that the document is asked for, so
the same answer in both formats gives equal values.

The format of an answer is told by its first byte, not by what was asked for:
the vendor does not say in which format an error in an XML call is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar
from xml.parsers import expat

import msgspec
import xmltodict
from msgspec import inspect

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
"""What both formats are read into; in XML every scalar is a string or ``None``."""

MAX_DEPTH = 64
"""Nested elements or objects. The deepest documented answer has seven."""

MAX_ELEMENTS = 200_000
"""XML elements. A group of twenty channels has some 250; reading that many took 0.7 s."""

_MANY_TAGS = 2_000
"""XML tags from which a poll all of them goes before the parser that builds dicts: below,
that poll costs more than it saves, as whatever they hold is read within some milliseconds."""

ROOT = "xml"
"""The root element of every XML document the vendor shows, both directions."""

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"

_BOM = b"\xef\xbb\xbf"


class UnreadableError(ValueError):
    """The bytes are no JSON or XML that is read here, or not of the wanted shape."""


class Format(msgspec.Struct, frozen=True):
    """One way to write a request.

    Attributes:
        name: Value of the ``format`` parameter.
        content_type: Value of the ``Content-Type`` header.
        encode: From parameters by wire name to the request body.
    """

    name: str
    content_type: str
    encode: Callable[[Mapping[str, object]], bytes]


def _encode_xml(params: Mapping[str, object]) -> bytes:
    return xmltodict.unparse({ROOT: msgspec.to_builtins(params)}).encode()


FORMATS: Mapping[str, Format] = {
    "json": Format("json", "application/json", msgspec.json.Encoder().encode),
    "xml": Format("xml", "application/xml", _encode_xml),
}


class Document(msgspec.Struct, frozen=True):
    """What an answer, or a part of it, says.

    Attributes:
        value: Dicts, lists and scalars.
        textual: Whether every scalar is text, as in XML.
    """

    value: Plain
    textual: bool

    def field(self, name: str) -> Plain:
        """Return a field that has to be there.

        Raises:
            UnreadableError: It is not.
        """
        if isinstance(self.value, dict) and name in self.value:
            return self.value[name]
        msg = f"Object missing required field `{name}`"
        raise UnreadableError(msg)

    def mapping(self, name: str) -> dict[str, Plain]:
        """Return a field that has to hold fields itself.

        Raises:
            UnreadableError: It does not.
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
        settle = _settler(wanted)
        value = settle(self.value) if settle else self.value
        try:
            return msgspec.convert(value, wanted, strict=not self.textual)
        except (msgspec.ValidationError, RecursionError) as refused:
            reason = str(refused)
        raise UnreadableError(reason)


def read(body: bytes) -> Document:
    """Read an answer in whichever format it is.

    Raises:
        UnreadableError: It is neither, or too deep, or too large.
    """
    if body.startswith(b"{"):
        return Document(_read_json(body), textual=False)
    # Also drops a BOM, which msgspec refuses.
    text = body.lstrip(_BOM + b" \t\r\n")
    if text.startswith(b"<") or body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Document(_read_xml(body.lstrip(b" \t\r\n")), textual=True)
    return Document(_read_json(text), textual=False)


def _read_json(text: bytes) -> Plain:
    try:
        decoded: Plain = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as refused:
        reason = str(refused)
    except RecursionError:
        reason = _TOO_DEEP
    else:
        # Nothing is nested deeper than there are brackets, and most answers have few.
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


def _read_xml(text: bytes) -> Plain:
    try:
        tags = text.count(b"<")
        if tags > _MANY_TAGS:
            _bound(text)
        document: dict[str, Plain] = xmltodict.parse(text, xml_attribs=False)
        # With few tags there can be nothing too deep.
        if tags > MAX_DEPTH and not _is_flat(document, MAX_DEPTH):
            raise UnreadableError(_TOO_DEEP)
    except (expat.ExpatError, ValueError, LookupError) as refused:
        reason = str(refused)
    else:
        if document.keys() == {ROOT}:
            return document[ROOT]
        reason = f"the root element is not <{ROOT}>"
    raise UnreadableError(reason)


def _bound(text: bytes) -> None:
    """Refuse what would only exhaust the parser that builds dicts, at the cost of a tag count."""
    depth = elements = 0

    def opened(_name: str, _attributes: object) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if depth > MAX_DEPTH or elements > MAX_ELEMENTS:
            msg = f"more than {MAX_DEPTH} levels or {MAX_ELEMENTS} elements"
            raise UnreadableError(msg)

    def closed(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def declared(*_declaration: object) -> None:
        msg = "entities are refused"
        raise UnreadableError(msg)

    parser = expat.ParserCreate()
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    parser.EntityDeclHandler = declared
    parser.Parse(text, True)  # noqa: FBT003 -- expat takes no keywords


_Settle = Callable[[Plain], Plain]


def _settler(wanted: type) -> _Settle | None:
    """Return what settles a value for this type; ``None`` where nothing is ambiguous."""
    if wanted not in _settlers:
        _settlers[wanted] = _settler_of(inspect.type_info(wanted))
    return _settlers[wanted]


_settlers: dict[type, _Settle | None] = {}


def _settler_of(kind: inspect.Type) -> _Settle | None:
    if isinstance(kind, inspect.StrType):
        return lambda value: "" if value is None else value
    if isinstance(kind, (inspect.ListType, inspect.VarTupleType)):
        return _list_settler(_settler_of(kind.item_type))
    if isinstance(kind, inspect.StructType):
        return _struct_settler(kind)
    if isinstance(kind, inspect.UnionType):
        return _optional_settler(kind)
    return None


def _list_settler(settle_item: _Settle | None) -> _Settle:
    def settle(value: Plain) -> Plain:
        if value is None:
            return []
        items: list[Plain] = value if isinstance(value, list) else [value]
        return [settle_item(item) for item in items] if settle_item else items

    return settle


def _struct_settler(kind: inspect.StructType) -> _Settle:
    by_name = {
        field.encode_name: settle_field
        for field in kind.fields
        if (settle_field := _settler_of(field.type)) is not None
    }

    def settle(value: Plain) -> Plain:
        if value is None:
            return {}
        if not isinstance(value, dict) or not by_name:
            return value
        return value | {
            name: settle_field(value[name])
            for name, settle_field in by_name.items()
            if name in value
        }

    return settle


def _optional_settler(kind: inspect.UnionType) -> _Settle | None:
    """Settle ``X | None``, where an empty tag is ``None``; other unions are left alone."""
    others = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
    if len(others) != 1 or isinstance(others[0], inspect.StrType):
        return None
    settle_other = _settler_of(others[0])
    return settle_other and (lambda value: None if value is None else settle_other(value))
