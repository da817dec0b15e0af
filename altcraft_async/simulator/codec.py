"""JSON and XML, read and written with the standard library only.

It shares no code with the client's codec, so each is a check on the other.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Mapping
from typing import Literal, cast
from xml.etree import ElementTree as ET

Format = Literal["json", "xml"]

CONTENT_TYPES: dict[Format, str] = {"json": "application/json", "xml": "application/xml"}

_COMPACT = json.JSONEncoder(separators=(",", ":"))

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8" ?>\n'

_FORMATS: dict[str, Format] = {
    "application/json": "json",
    "text/json": "json",
    "application/xml": "xml",
    "text/xml": "xml",
}

_STARTS: dict[bytes, Format] = {b"<": "xml", b"{": "json"}


class UnreadableError(ValueError):
    """A body is not an object in its format."""


def format_of(content_type: str, body: bytes, *, strict: bool = False) -> Format:
    """Return the format by the first character of the body, or else by the content type.

    A strict reading takes the content type first.
    """
    by_body = _STARTS.get(body.removeprefix(BOM_UTF8).lstrip()[:1])
    by_type = _FORMATS.get(content_type)
    return (by_type or by_body if strict else by_body or by_type) or "json"


def read(body: bytes, wire_format: Format) -> dict[str, object]:
    """Read a request.

    XML has no types: a value is a text, an object, or a list if the element occurs
    more than once. An empty element is ``""``.

    Raises:
        UnreadableError: The body is not an object in this format.
    """
    try:
        value = _read_xml(body) if wire_format == "xml" else json.loads(body)
    except (ValueError, LookupError, RecursionError, ET.ParseError) as error:
        msg = f"the body is not {wire_format.upper()}: {error}"
        raise UnreadableError(msg) from None
    if not isinstance(value, dict):
        msg = f"the body is not an object in {wire_format.upper()}"
        raise UnreadableError(msg)
    return cast("dict[str, object]", value)  # both formats have only text keys


def write(
    value: Mapping[str, object], wire_format: Format, *, xml_declaration: bool = False
) -> bytes:
    """Write a response; in XML, null, an empty list and an empty text are an empty element.

    Args:
        value: The response.
        wire_format: Format to write.
        xml_declaration: Begin XML with a declaration and write UTF-8 instead of
            character references, as some of the vendor's samples do.
    """
    if wire_format == "json":
        return _COMPACT.encode(value).encode()
    root = ET.Element("xml")
    _fill(root, value)
    return _DECLARATION + ET.tostring(root, "utf-8") if xml_declaration else ET.tostring(root)


def _read_xml(body: bytes) -> object:
    root = ET.fromstring(body)  # noqa: S314 -- from the developer's own program; expat limits entities
    if root.tag != "xml":
        msg = f"the root element has to be 'xml', not {root.tag!r}"
        raise UnreadableError(msg)
    return _value(root) or {}


def _value(element: ET.Element) -> object:
    if not len(element):
        return (element.text or "").strip()
    fields: dict[str, list[object]] = {}
    for child in element:
        fields.setdefault(child.tag, []).append(_value(child))
    return {name: values if len(values) > 1 else values[0] for name, values in fields.items()}


def _fill(element: ET.Element, value: object) -> None:
    if isinstance(value, Mapping):
        for name, held in cast("Mapping[str, object]", value).items():
            for item in _siblings(held):
                _fill(ET.SubElement(element, name), item)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif value is not None:
        element.text = str(value)


def _siblings(value: object) -> list[object]:
    # An empty list is one empty element: without it, the field would be missing.
    if not isinstance(value, list):
        return [value]
    return cast("list[object]", value) or [None]
