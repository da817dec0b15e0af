"""The simulator's own JSON and XML."""

from __future__ import annotations

import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async.simulator import codec
from altcraft_async.simulator.codec import Format, UnreadableError

# XML cannot carry control characters, and the codec drops the space around text.
TEXTS = st.text("aZ09<>&;'\"]!-/=ёµ漢😀", max_size=20)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | TEXTS
# Lists in lists, and lists of one, have no form of their own in XML.
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
def test_json_goes_through_xml_and_comes_back_as_text(envelope: dict[str, object]) -> None:
    """JSON to value to XML to value loses the types and nothing else."""
    value = codec.read(codec.write(envelope, "json"), "json")
    assert value == envelope
    assert codec.read(codec.write(value, "xml"), "xml") == as_text(envelope)


def test_arrays_in_xml_are_repeated_elements() -> None:
    """There is no element around an array, and the root is always ``xml``."""
    written = codec.write({"data": [{"id": 1}, {"id": 2}]}, "xml")
    assert written == b"<xml><data><id>1</id></data><data><id>2</id></data></xml>"


@pytest.mark.parametrize("nothing", [None, "", []])
def test_nothing_in_xml_is_an_empty_element(nothing: object) -> None:
    """Null, the empty text and the empty array poll the same."""
    assert codec.write({"a": nothing}, "xml") == b"<xml><a /></xml>"


def test_booleans_in_xml_are_words() -> None:
    """They are lower-case, as in JSON."""
    written = codec.write({"a": True, "b": False}, "xml")
    assert written == b"<xml><a>true</a><b>false</b></xml>"


def test_a_declaration_and_indentation_do_not_matter() -> None:
    """Some of the documented samples have both."""
    body = b'<?xml version="1.0" encoding="UTF-8" ?>\n<xml>\n  <id> 24 </id>\n</xml>'
    assert codec.read(body, "xml") == {"id": "24"}


def test_an_empty_root_has_no_parameters() -> None:
    """An empty request is an object without fields."""
    assert codec.read(b"<xml/>", "xml") == {}


@pytest.mark.parametrize(
    ("body", "form"),
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
def test_what_is_no_object_is_unreadable(body: bytes, form: Format) -> None:
    """Whatever is wrong with a body, one error says so and names the format."""
    with pytest.raises(UnreadableError, match=form.upper()):
        codec.read(body, form)


@pytest.mark.parametrize(
    ("content_type", "body", "form"),
    [
        ("application/json", b"<xml/>", "json"),
        ("application/xml", b"{}", "xml"),
        ("text/xml", b"", "xml"),
        ("application/octet-stream", b"  <xml/>", "xml"),
        ("application/octet-stream", b"{}", "json"),
    ],
)
def test_the_content_type_tells_the_format_and_else_the_first_character(
    content_type: str, body: bytes, form: Format
) -> None:
    """The body is polled only where the header names neither format."""
    assert codec.format_of(content_type, body) == form


def test_json_is_compact_and_ascii() -> None:
    """What is written is readable whatever encoding the reader assumes."""
    written = codec.write({"error": 0, "error_text": "ж"}, "json")
    assert written == b'{"error":0,"error_text":"\\u0436"}'
    assert json.loads(written)["error_text"] == "ж"
