"""What bounds the reading of JSON and XML."""

from __future__ import annotations

import time

import pytest

from altcraft_async.protocol.codecs import MAX_DEPTH, MAX_ELEMENTS, Document, UnreadableError, read


def xml(inside: str) -> Document:
    """Read a document of Altcraft's root."""
    return read(f"<xml>{inside}</xml>".encode())


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_json_of_a_hundred_thousand_levels_is_unreadable(opening: bytes) -> None:
    with pytest.raises(UnreadableError, match="nested deeper"):
        read(opening * 100_000)


def test_json_within_the_limit_of_depth_is_read() -> None:
    assert read(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) != Document(value=None, textual=False)


def test_json_beyond_the_limit_of_depth_is_unreadable() -> None:
    """So that every document can be pickled."""
    with pytest.raises(UnreadableError):
        read(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


@pytest.mark.parametrize(("levels", "readable"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
def test_xml_is_bounded_in_depth(levels: int, readable: bool) -> None:  # noqa: FBT001 -- a column
    """The limit of depth counts the root element."""
    body = b"<xml>" + b"<a>" * (levels - 1) + b"</a>" * (levels - 1) + b"</xml>"
    if readable:
        assert read(body).textual
        return
    with pytest.raises(UnreadableError, match="nested deeper than 64 levels"):
        read(body)


def test_xml_of_half_a_million_levels_is_refused_early() -> None:
    body = b"<xml>" + b"<a>" * 500_000
    begun = time.perf_counter()
    with pytest.raises(UnreadableError, match="levels"):
        read(body)
    assert time.perf_counter() - begun < 0.5


def test_xml_of_too_many_elements_is_unreadable() -> None:
    with pytest.raises(UnreadableError, match="200000 elements"):
        read(b"<xml>" + b"<a/>" * MAX_ELEMENTS + b"</xml>")


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY a SYSTEM "http://127.0.0.1:1/canary">',
        '<!ENTITY % a SYSTEM "http://127.0.0.1:1/canary"> %a;',
        '<!ENTITY % a "x">',
    ],
    ids=["billion laughs", "file", "address", "parameter from address", "parameter"],
)
def test_xml_entity_is_refused(declaration: str) -> None:
    with pytest.raises(UnreadableError):
        read(f"<!DOCTYPE xml [{declaration}]><xml><a>&a;</a></xml>".encode())


def test_external_document_type_is_not_fetched() -> None:
    body = b'<!DOCTYPE xml SYSTEM "http://127.0.0.1:1/canary"><xml><a>1</a></xml>'
    assert read(body).value == {"a": "1"}


@pytest.mark.parametrize("text", [b'[{"a":[' + b'{"b":[1]},' * 99 + b"2]}]"])
def test_wide_json_is_not_deep(text: bytes) -> None:
    assert read(text).value is not None


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_json_nested_below_a_wide_part_is_found_too_deep(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    deep = opening * 70 + "1" + closing * 70
    with pytest.raises(UnreadableError, match="nested deeper"):
        read(f'{{"wide": [1, 2], "deep": {deep}}}'.encode())


def test_entities_of_a_large_document_are_refused() -> None:
    body = b'<!DOCTYPE x [<!ENTITY a "b">]><xml>' + b"<a>&a;</a>" * 2_000 + b"</xml>"
    with pytest.raises(UnreadableError, match="entities are refused"):
        read(body)


def test_elements_of_large_xml_are_bounded_while_it_is_read() -> None:
    with pytest.raises(UnreadableError, match="nested deeper than 64 levels"):
        read(b"<xml>" + b"<a>" * 5_000 + b"no end")
