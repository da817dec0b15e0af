"""JSON and XML, read and written with the standard library alone.

The client has a codec of its own; that this one shares nothing with it is
what makes one a check on the other.
"""

from __future__ import annotations

import json
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


class UnreadableError(ValueError):
    """A body that is not one object in the format it claims to be in."""


def format_of(content_type: str, body: bytes) -> Format:
    """Tell the format by the content type, or else by the first character of the body."""
    named = _FORMATS.get(content_type)
    if named:
        return named
    return "xml" if body.lstrip()[:1] == b"<" else "json"


def read(body: bytes, form: Format) -> dict[str, object]:
    """Read a request.

    XML knows no types: each value comes as text, as an object, or as a list
    where the element occurs more than once; an empty element is ``""``.

    Raises:
        UnreadableError: The body is no object in this format.
    """
    try:
        value = _read_xml(body) if form == "xml" else json.loads(body)
    except (ValueError, LookupError, RecursionError, ET.ParseError) as refused:
        msg = f"the body is not {form.upper()}: {refused}"
        raise UnreadableError(msg) from None
    if not isinstance(value, dict):
        msg = f"the body is not an object in {form.upper()}"
        raise UnreadableError(msg)
    return cast("dict[str, object]", value)  # both readers make text of every key


def write(value: Mapping[str, object], form: Format, *, is_declared: bool = False) -> bytes:
    """Write an answer; in XML, null and empty lists and texts are all an empty element.

    Args:
        value: The answer.
        form: Format to write it in.
        is_declared: Begin XML with a declaration, as some of the vendor's
            samples do, and write UTF-8 then instead of character references.
    """
    if form == "json":
        return _COMPACT.encode(value).encode()
    root = ET.Element("xml")
    _fill(root, value)
    return _DECLARATION + ET.tostring(root, "utf-8") if is_declared else ET.tostring(root)


def _read_xml(body: bytes) -> object:
    root = ET.fromstring(body)  # noqa: S314 -- sent by the developer's own program; expat bounds entities
    if root.tag != "xml":
        msg = f"the root element is {root.tag!r}, not 'xml'"
        raise UnreadableError(msg)
    return _value_of(root) or {}


def _value_of(element: ET.Element) -> object:
    if not len(element):
        return (element.text or "").strip()
    fields: dict[str, list[object]] = {}
    for child in element:
        fields.setdefault(child.tag, []).append(_value_of(child))
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
    # An empty list still needs an element, or the field would be missing.
    if not isinstance(value, list):
        return [value]
    return cast("list[object]", value) or [None]
