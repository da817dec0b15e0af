"""Writes requests and reads answers in JSON and XML.

`read` makes a `Document` of plain dicts, lists and scalars in either format, and
`Document.to` makes structs of it, see `normalize`.

The first byte of an answer tells its format: that of an error in XML is not documented.

Reading is bounded: `MAX_DEPTH` in both formats, `MAX_ELEMENTS` and no entities
in XML. xmltodict, which writes XML, would read the same dicts, but takes three
times as long and has no bounds.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import TypeVar
from xml.parsers import expat
from xml.sax.saxutils import escape

import msgspec
import xmltodict

from altcraft_async.protocol import fair_json
from altcraft_async.protocol.normalize import BLANKS, Plain, normalizer

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

MAX_DEPTH = 64
"""Nested elements or objects. The deepest documented answer has seven."""

MAX_ELEMENTS = 200_000
"""XML elements. A group of twenty channels has some 250; reading that many took 0.3 s."""

ROOT = "xml"
"""The root element of every XML document the vendor shows, both directions."""

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"

_TOO_MANY = f"more than {MAX_ELEMENTS} elements"


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
    if not all(type(value) in (str, int) for value in params.values()):
        return xmltodict.unparse({ROOT: msgspec.to_builtins(params)}).encode()
    # The same, at a tenth of the cost: most requests have nothing but numbers and texts.
    values = tuple(escape(str(value)) for value in params.values())
    return (_xml_template(tuple(params)) % values).encode()


@cache
def _xml_template(names: tuple[str, ...]) -> str:
    """Return a request with a place for the value of each of these parameters."""
    return xmltodict.unparse({ROOT: dict.fromkeys(names, "%s")})


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
        if not self.textual:
            # Most answers in JSON have the wanted shape and types, which nothing would change.
            with suppress(msgspec.ValidationError, RecursionError):
                return msgspec.convert(self.value, wanted)
        try:
            return _convert(self.value, wanted, textual=self.textual)
        except (msgspec.ValidationError, RecursionError) as refused:
            reason = str(refused)
        if not self.textual:
            # A number in JSON may be a text with blanks too, which is rare.
            with suppress(msgspec.ValidationError, RecursionError):
                return _convert(self.value, wanted, textual=True)
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


def _bare(body: bytes) -> tuple[bytes, str | None]:
    """Return the answer without what msgspec and expat refuse, and the encoding of its mark."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        body = codecs.BOM_UTF8 + body.decode("utf-16").encode()
    text = body.lstrip(codecs.BOM_UTF8 + BLANKS.encode())
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


def _convert(value: Plain, wanted: type[T], *, textual: bool) -> T:
    normalize = normalizer(wanted, textual=textual)
    return msgspec.convert(normalize(value) if normalize else value, wanted, strict=False)
