"""JSON and XML, both ways."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import msgspec
import pytest
import xmltodict
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altcraft_async.models import Feedback
from altcraft_async.protocol.codecs import (
    FORMATS,
    MAX_DEPTH,
    MAX_ELEMENTS,
    Document,
    UnreadableError,
    read,
)
from altcraft_async.protocol.endpoints import REFRESH_RESOURCE, TASK_STATUS, parameters

CORE = settings.get_profile("pure")


Sample = Callable[[str], bytes]

TOKEN = "abcdefghijklmnqrstuvwxyz"
TASK_ID = "c9c3ec48-1bef-4969-9c1a-df39f0c179bb"
REQUESTS: dict[str, dict[str, object]] = {
    "resources_refresh_counters": {
        "token": TOKEN,
        **parameters(
            REFRESH_RESOURCE,
            {
                "resource_id": 24,
                "database_id": 1,
                "feedback": Feedback(url="http://example.com/receiver"),
            },
        ),
        "format": "json",
    },
    "tasks_status": {"token": TOKEN, **parameters(TASK_STATUS, {"task_id": TASK_ID})},
}


class Inner(msgspec.Struct):
    """A struct in which nothing is ambiguous."""

    number: int | None = None


class Shape(msgspec.Struct):
    """One field of each kind that XML leaves open."""

    text: str = "absent"
    maybe_text: str | None = "absent"
    numbers: list[int] = []
    maybe_numbers: list[int] | None = []
    names: tuple[str, ...] = ()
    inners: list[Inner] = []
    maybe_inner: Inner | None = None
    either: int | bool | None = None
    flag: bool = False


def xml(inside: str) -> Document:
    """Read a document of Altcraft's root."""
    return read(f"<xml>{inside}</xml>".encode())


@pytest.mark.parametrize("name", REQUESTS)
def test_json_request_says_what_the_page_prints(name: str, sample: Sample) -> None:
    """A request in JSON is the documented one."""
    written = FORMATS["json"].encode(REQUESTS[name])
    assert json.loads(written) == json.loads(sample(f"{name}.request.json"))


@pytest.mark.parametrize("name", REQUESTS)
def test_xml_request_says_what_the_page_prints(name: str, sample: Sample) -> None:
    """A request in XML is the documented one."""
    written = FORMATS["xml"].encode(REQUESTS[name])
    assert xmltodict.parse(written) == xmltodict.parse(sample(f"{name}.request.xml"))


@pytest.mark.parametrize("name", FORMATS)
def test_format_knows_its_names(name: str) -> None:
    """A format has the value of the parameter and that of the header."""
    assert (FORMATS[name].name, FORMATS[name].content_type) == (name, f"application/{name}")


@CORE
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")))
def test_text_is_escaped_in_every_format(text: str) -> None:
    """No text breaks out of its field, in either format."""
    text = text.strip()
    assert read(FORMATS["json"].encode({"token": text})).value == {"token": text}
    assert read(FORMATS["xml"].encode({"token": text})).value == {"token": text or None}


def test_parameters_are_not_modified_by_writing() -> None:
    """Encoding leaves the caller's dict alone."""
    values: dict[str, object] = {"id": 1, "feedback": {"type": "JSON"}}
    for one in FORMATS.values():
        one.encode(values)
    assert values == {"id": 1, "feedback": {"type": "JSON"}}


@CORE
@given(
    st.binary()
    | st.builds(
        b"".join, st.lists(st.sampled_from([b"<xml>", b"</xml>", b"<a>", b"</a>", b"<a/>"]))
    )
    | st.builds(b"<xml>%b</xml>".__mod__, st.binary())
    | st.builds(b"\xef\xbb\xbf%b".__mod__, st.binary())
    | st.builds(b'{"error":%b}'.__mod__, st.binary())
    | st.text().map(str.encode)
)
@example(b"")
@example(b"\xff\xfe")
@example(b"<")
def test_any_bytes_are_a_document_or_unreadable(body: bytes) -> None:
    """Reading gives a Document or an UnreadableError, whatever comes."""
    outcome: Document | UnreadableError
    try:
        outcome = read(body)
    except UnreadableError as refused:
        outcome = refused
    assert isinstance(outcome, Document) or outcome.__context__ is None


@pytest.mark.parametrize("name", [*FORMATS, "html"])
def test_format_is_told_by_the_first_byte(name: str) -> None:
    """JSON and XML tell themselves apart; what is neither is unreadable."""
    if name == "html":
        with pytest.raises(UnreadableError, match="root element is not <xml>"):
            read(b"<html><body/></html>")
        return
    document = read(FORMATS[name].encode({"error": 0}))
    assert document == (
        Document({"error": 0}, textual=False)
        if name == "json"
        else Document({"error": "0"}, textual=True)
    )


@pytest.mark.parametrize("body", [b'{"a": "1"}', b"<xml><a>1</a></xml>"])
@pytest.mark.parametrize("before", [b"", b" \r\n\t", b"\xef\xbb\xbf"])
def test_space_or_byte_order_mark_before_the_answer_is_skipped(body: bytes, before: bytes) -> None:
    """White space and a UTF-8 byte order mark are no part of an answer."""
    assert read(before + body).value == {"a": "1"}


def test_two_byte_order_marks_of_json_are_skipped() -> None:
    """A proxy that added a byte order mark of its own does no harm."""
    assert read(b"\xef\xbb\xbf\xef\xbb\xbf{}").value == {}


@pytest.mark.parametrize(
    "body",
    [
        "<xml><a>ж</a></xml>".encode("utf-16"),
        "\ufeff<xml><a>ж</a></xml>".encode("utf-16-be"),
        "<xml><a>ж</a></xml>".encode(),
        '<?xml version="1.0" encoding="UTF-8" ?><xml><a>ж</a></xml>'.encode(),
        '<?xml version="1.0" encoding="windows-1251"?><xml><a>ж</a></xml>'.encode("cp1251"),
    ],
    ids=["utf-16-le", "utf-16-be", "utf-8", "declared utf-8", "cp1251"],
)
def test_declared_or_marked_encoding_is_read(body: bytes) -> None:
    """XML in an encoding that expat knows, or that Python maps byte by byte, is read."""
    assert read(body).value == {"a": "ж"}


@pytest.mark.parametrize(
    "encoding", ["utf-7", "nonsense", "hex", "undefined", "gb2312", "idna", "rot13", "utf-32"]
)
def test_other_encoding_is_unreadable(encoding: str) -> None:
    """An encoding that is unknown or has more than one byte a letter is refused."""
    body = f'<?xml version="1.0" encoding="{encoding}"?><xml><a>+ADw-</a></xml>'
    with pytest.raises(UnreadableError):
        read(body.encode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1} trailing',
        b'{"a": 1}{"b": 2}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"a": 1',
        b"OK",
        b"",
        b"   ",
        b'{"a": %b}' % (b"9" * 5000),
    ],
)
def test_what_is_no_json_is_unreadable(body: bytes) -> None:
    """JSON that is cut, followed by more, or no JSON at all is refused."""
    with pytest.raises(UnreadableError):
        read(body)


def test_last_of_two_equal_keys_wins() -> None:
    """A key that comes twice has its last value."""
    assert read(b'{"a": 1, "a": 2}').value == {"a": 2}


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_json_of_a_hundred_thousand_levels_is_unreadable(opening: bytes) -> None:
    """Depth exhausts no stack."""
    with pytest.raises(UnreadableError, match="nested deeper"):
        read(opening * 100_000)


def test_json_within_the_limit_of_depth_is_read() -> None:
    """Up to the limit depth does not matter."""
    assert read(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) != Document(value=None, textual=False)


def test_json_beyond_the_limit_of_depth_is_unreadable() -> None:
    """The limit of depth holds for objects as for elements, so that what came can be pickled."""
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
    """Depth is refused when it is reached, not after all of it was read."""
    body = b"<xml>" + b"<a>" * 500_000
    begun = time.perf_counter()
    with pytest.raises(UnreadableError, match="levels"):
        read(body)
    assert time.perf_counter() - begun < 0.5


def test_xml_of_too_many_elements_is_unreadable() -> None:
    """The number of elements is bounded."""
    with pytest.raises(UnreadableError, match="200000 elements"):
        read(b"<xml>" + b"<a/>" * MAX_ELEMENTS + b"</xml>")


def test_xml_of_many_attributes_is_read_without_them() -> None:
    """Attributes, which the vendor never uses, are dropped."""
    many = " ".join(f'a{number}="1"' for number in range(10_000))
    assert read(f"<xml {many}><b c='1'>2</b></xml>".encode()).value == {"b": "2"}


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
    """No entity of any kind is declared in an answer of Altcraft's."""
    with pytest.raises(UnreadableError):
        read(f"<!DOCTYPE xml [{declaration}]><xml><a>&a;</a></xml>".encode())


def test_external_document_type_is_not_fetched() -> None:
    """A document type elsewhere is ignored."""
    body = b'<!DOCTYPE xml SYSTEM "http://127.0.0.1:1/canary"><xml><a>1</a></xml>'
    assert read(body).value == {"a": "1"}


@pytest.mark.parametrize(
    "body", [b"<xml>", b"<xml></yml>", b"<xml/><xml/>", b"<", b"<xml>&x;</xml>"]
)
def test_what_is_no_xml_is_unreadable(body: bytes) -> None:
    """XML that is cut or not well-formed is refused."""
    with pytest.raises(UnreadableError):
        read(body)


def test_comments_and_cdata_are_read_through() -> None:
    """A comment says nothing, and CDATA is text."""
    assert xml("<!-- c --><a><![CDATA[<&>]]></a>").value == {"a": "<&>"}


@pytest.mark.parametrize(
    ("inside", "json_text"),
    [
        ("", "null"),
        ("<text/>", '{"text": ""}'),
        ("<text></text>", '{"text": null}'),
        ("<text>null</text>", '{"text": "null"}'),
        ("<text>true</text>", '{"text": "true"}'),
        ("<text>007</text>", '{"text": "007"}'),
        ("<maybe_text/>", '{"maybe_text": null}'),
        ("<maybe_text>null</maybe_text>", '{"maybe_text": "null"}'),
        ("<numbers/>", '{"numbers": []}'),
        ("<numbers/>", '{"numbers": null}'),
        ("<numbers>5</numbers>", '{"numbers": [5]}'),
        ("<numbers>5</numbers><numbers>-6</numbers>", '{"numbers": [5, -6]}'),
        ("<maybe_numbers/>", '{"maybe_numbers": null}'),
        ("<maybe_numbers>5</maybe_numbers>", '{"maybe_numbers": [5]}'),
        ("<names/>", '{"names": []}'),
        ("<names>a</names>", '{"names": ["a"]}'),
        ("<names>a</names><names/>", '{"names": ["a", ""]}'),
        ("<inners><number>5</number></inners>", '{"inners": [{"number": 5}]}'),
        ("<inners><number/></inners>", '{"inners": [{"number": null}]}'),
        ("<maybe_inner/>", '{"maybe_inner": null}'),
        ("<maybe_inner><number>5</number></maybe_inner>", '{"maybe_inner": {"number": 5}}'),
        ("<either>5</either>", '{"either": 5}'),
        ("<either>true</either>", '{"either": true}'),
        ("<either/>", '{"either": null}'),
        ("<flag>true</flag>", '{"flag": true}'),
        ("<flag>\n  false\n</flag>", '{"flag": false}'),
        ("<other><deep/></other>", '{"other": {"deep": [1]}}'),
    ],
)
def test_wanted_type_settles_what_xml_leaves_open(inside: str, json_text: str) -> None:
    """Empty tags, single elements and text become what the type says, equal to JSON's."""
    assert xml(inside).to(Shape) == read(json_text.encode()).to(Shape)


def test_empty_element_is_an_empty_object_where_one_is_wanted() -> None:
    """An object without fields and an empty element are the same in the two formats."""
    assert xml("<inners/><inners/>").to(Shape) == read(b'{"inners": [{}, {}]}').to(Shape)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"numbers": ["five"]}', r"\$\.numbers\[0\]"),
        (b'{"numbers": ["5"]}', r"\$\.numbers\[0\]"),
        (b'{"inners": [{}, {"number": "s3cret"}]}', r"\$\.inners\[1\]\.number"),
        (b'{"inners": "s3cret"}', r"\$\.inners\[0\]"),
        (b'{"text": 5}', r"\$\.text"),
        (b"<xml><numbers>s3cret</numbers></xml>", r"\$\.numbers\[0\]"),
        (b"<xml><text><a/></text></xml>", r"\$\.text"),
        (b"[]", "Expected `object`, got `array`"),
    ],
)
def test_wrong_shape_is_told_by_its_path_and_not_by_its_value(body: bytes, where: str) -> None:
    """An error of shape names the JSON path and quotes nothing."""
    with pytest.raises(UnreadableError, match=where) as refused:
        read(body).to(Shape)
    assert "s3cret" not in str(refused.value)


def test_reading_as_a_type_leaves_the_document_alone() -> None:
    """Settling works on a copy."""
    document = xml("<numbers>5</numbers><names/>")
    document.to(Shape)
    assert document.value == {"numbers": "5", "names": None}


@pytest.mark.parametrize("text", [b'[{"a":[' + b'{"b":[1]},' * 99 + b"2]}]"])
def test_wide_json_is_not_deep(text: bytes) -> None:
    """Many objects beside each other are no depth."""
    assert read(text).value is not None


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_json_nested_below_a_wide_part_is_found_too_deep(opening: str) -> None:
    """Depth is found wherever it is."""
    closing = "]" if opening == "[" else "}"
    deep = opening * 70 + "1" + closing * 70
    with pytest.raises(UnreadableError, match="nested deeper"):
        read(f'{{"wide": [1, 2], "deep": {deep}}}'.encode())


def test_entities_of_a_large_document_are_refused() -> None:
    """A document with many tags is refused for its entities before it is parsed into dicts."""
    body = b'<!DOCTYPE x [<!ENTITY a "b">]><xml>' + b"<a>&a;</a>" * 2_000 + b"</xml>"
    with pytest.raises(UnreadableError, match="entities are refused"):
        read(body)


def test_depth_of_much_xml_is_bounded_before_it_is_made_into_dicts() -> None:
    """Five thousand nested elements are refused at the sixty-fifth."""
    with pytest.raises(UnreadableError, match="more than 64 levels"):
        read(b"<xml>" + b"<a>" * 5_000)
