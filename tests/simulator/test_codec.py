"""The simulator's own JSON and XML."""

from __future__ import annotations

import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async.simulator import codec
from altcraft_async.simulator.codec import Format, UnreadableError

# XML cannot contain control characters, and the codec strips texts.
TEXTS = st.text("aZ09<>&;'\"]!-/=ёµ漢😀", max_size=20)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | TEXTS
# XML cannot express lists in lists or lists of one.
OBJECTS = st.recursive(
    st.dictionaries(NAMES, LEAVES, min_size=1, max_size=3),
    lambda inner: st.dictionaries(
        NAMES,
        LEAVES | inner | st.lists(LEAVES | inner, min_size=2, max_size=3),
        min_size=1,
        max_size=3,
    ),
    max_leaves=6,
)


def as_text(value: object) -> object:
    """Return a value as XML shows it, without types."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {name: as_text(held) for name, held in fields.items()}
    if isinstance(value, list):
        return [as_text(item) for item in cast("list[object]", value)]
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


@given(OBJECTS)
def test_json_written_as_xml_is_read_as_texts(envelope: dict[str, object]) -> None:
    """XML loses the types and nothing else."""
    value = codec.read(codec.write(envelope, "json"), "json")
    assert value == envelope
    assert codec.read(codec.write(value, "xml"), "xml") == as_text(envelope)


def test_array_in_xml_is_repeated_elements() -> None:
    written = codec.write({"data": [{"id": 1}, {"id": 2}]}, "xml")
    assert written == b"<xml><data><id>1</id></data><data><id>2</id></data></xml>"


@pytest.mark.parametrize("nothing", [None, "", []])
def test_null_and_empty_values_in_xml_are_an_empty_element(nothing: object) -> None:
    assert codec.write({"a": nothing}, "xml") == b"<xml><a /></xml>"


def test_boolean_in_xml_is_a_lower_case_word() -> None:
    written = codec.write({"a": True, "b": False}, "xml")
    assert written == b"<xml><a>true</a><b>false</b></xml>"


def test_declaration_and_indentation_in_xml_are_ignored() -> None:
    body = b'<?xml version="1.0" encoding="UTF-8" ?>\n<xml>\n  <id> 24 </id>\n</xml>'
    assert codec.read(body, "xml") == {"id": "24"}


def test_empty_xml_root_is_an_empty_object() -> None:
    assert codec.read(b"<xml/>", "xml") == {}


@pytest.mark.parametrize(
    ("body", "wire_format"),
    [
        (b"", "json"),
        (b"{", "json"),
        (b"[1]", "json"),
        (b"\xff{}", "json"),
        (b"[" * 100_000, "json"),
        (b"", "xml"),
        (b"<xml>", "xml"),
        (b"<xml>words</xml>", "xml"),
        (b"<html/>", "xml"),
        (b'<?xml version="1.0" encoding="no-such"?><xml/>', "xml"),
        (b"<xml>" + b"<a>" * 5_000 + b"</a>" * 5_000 + b"</xml>", "xml"),
    ],
)
def test_body_that_is_not_an_object_is_unreadable(body: bytes, wire_format: Format) -> None:
    with pytest.raises(UnreadableError, match=wire_format.upper()):
        codec.read(body, wire_format)


@pytest.mark.parametrize(
    ("content_type", "body", "wire_format"),
    [
        ("application/json", b"<xml/>", "json"),
        ("application/xml", b"{}", "xml"),
        ("text/xml", b"", "xml"),
        ("application/octet-stream", b"  <xml/>", "xml"),
        ("application/octet-stream", b"{}", "json"),
        ("application/octet-stream", b"\xef\xbb\xbf<xml/>", "xml"),
        ("application/octet-stream", b"", "json"),
    ],
)
def test_format_read_strictly_is_that_of_the_content_type_or_else_of_the_first_character(
    content_type: str, body: bytes, wire_format: Format
) -> None:
    assert codec.format_of(content_type, body, strict=True) == wire_format


@pytest.mark.parametrize(
    ("content_type", "body", "wire_format"),
    [
        ("application/json", b"<xml/>", "xml"),
        ("application/xml", b"{}", "json"),
        ("text/xml", b"", "xml"),
        ("application/octet-stream", b"", "json"),
    ],
)
def test_format_is_that_of_the_first_character_or_else_of_the_content_type(
    content_type: str, body: bytes, wire_format: Format
) -> None:
    assert codec.format_of(content_type, body) == wire_format


def test_json_is_written_compact_and_in_ascii() -> None:
    written = codec.write({"error": 0, "error_text": "ж"}, "json")
    assert written == b'{"error":0,"error_text":"\\u0436"}'
    assert json.loads(written)["error_text"] == "ж"
