"""Requests and answers in JSON and XML."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import cast

import msgspec
import pytest
import xmltodict
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altcraft_async.models import Feedback
from altcraft_async.protocol.codecs import FORMATS, Document, UnreadableError, read
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
    """One field of each kind that is ambiguous in XML."""

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
def test_json_request_is_the_documented_one(name: str, sample: Sample) -> None:
    written = FORMATS["json"].encode(REQUESTS[name])
    assert json.loads(written) == json.loads(sample(f"{name}.request.json"))


@pytest.mark.parametrize("name", REQUESTS)
def test_xml_request_is_the_documented_one(name: str, sample: Sample) -> None:
    written = FORMATS["xml"].encode(REQUESTS[name])
    assert xmltodict.parse(written) == xmltodict.parse(sample(f"{name}.request.xml"))


@pytest.mark.parametrize("value", ["a & <b> %s", "", 7, True, 1.5, None, [1, 2], {"url": "&"}])
def test_xml_request_is_written_as_by_xmltodict(value: object) -> None:
    params = {"token": "a%20<", "id": value, "other": 1}
    assert FORMATS["xml"].encode(params) == xmltodict.unparse({"xml": params}).encode()


@pytest.mark.parametrize("name", FORMATS)
def test_format_has_its_parameter_and_content_type(name: str) -> None:
    assert (FORMATS[name].name, FORMATS[name].content_type) == (name, f"application/{name}")


@CORE
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")))
def test_text_is_escaped_in_every_format(text: str) -> None:
    text = text.strip()
    assert read(FORMATS["json"].encode({"token": text})).value == {"token": text}
    assert read(FORMATS["xml"].encode({"token": text})).value == {"token": text or None}


def element(name: str, attribute: str, pieces: list[str]) -> str:
    """Return an element."""
    return f"<{name}{attribute}>{''.join(pieces)}</{name}>"


def elements(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return elements of such pieces."""
    names, attributes = st.sampled_from(["a", "b", "n:c"]), st.sampled_from(["", ' k="v"'])
    return st.builds(element, names, attributes, st.lists(inner, max_size=4))


XML_PIECES = st.recursive(
    st.sampled_from(["", " ", "x", "\n", "&lt;", "<![CDATA[<y>]]>", "<!-- no -->", "<e/>"]),
    elements,
)


@given(st.lists(XML_PIECES, max_size=5))
def test_xml_is_read_as_by_xmltodict_without_attributes_and_layout(pieces: list[str]) -> None:
    body = f"<xml>{''.join(pieces)}</xml>".encode()
    parse: Callable[..., dict[str, object]] = xmltodict.parse
    expected = parse(body, xml_attribs=False, strip_whitespace=False)
    assert read(body).value == without_layout(expected["xml"])


def without_layout(value: object) -> object:
    """Leave out text beside elements."""
    match value:
        case dict():
            return {
                name: without_layout(one)
                for name, one in cast("dict[str, object]", value).items()
                if name != "#text"
            }
        case list():
            return [without_layout(one) for one in cast("list[object]", value)]
        case _:
            return value


def test_encoding_does_not_modify_the_parameters() -> None:
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
    outcome: Document | UnreadableError
    try:
        outcome = read(body)
    except UnreadableError as refused:
        outcome = refused
    assert isinstance(outcome, Document) or outcome.__context__ is None


@pytest.mark.parametrize("name", [*FORMATS, "html"])
def test_format_is_told_by_the_first_byte(name: str) -> None:
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
    assert read(before + body).value == {"a": "1"}


def test_two_byte_order_marks_of_json_are_skipped() -> None:
    """A proxy may add one of its own."""
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
    """One that expat knows, or that Python maps byte by byte."""
    assert read(body).value == {"a": "ж"}


@pytest.mark.parametrize(
    "encoding", ["utf-7", "nonsense", "hex", "undefined", "gb2312", "idna", "rot13", "utf-32"]
)
def test_other_encoding_is_unreadable(encoding: str) -> None:
    """An unknown one, or one of several bytes per letter."""
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
def test_invalid_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        read(body)


def test_last_of_two_equal_keys_wins() -> None:
    assert read(b'{"a": 1, "a": 2}').value == {"a": 2}


def test_xml_of_many_attributes_is_read_without_them() -> None:
    """The vendor never uses attributes."""
    many = " ".join(f'a{number}="1"' for number in range(10_000))
    assert read(f"<xml {many}><b c='1'>2</b></xml>".encode()).value == {"b": "2"}


@pytest.mark.parametrize(
    "body", [b"<xml>", b"<xml></yml>", b"<xml/><xml/>", b"<", b"<xml>&x;</xml>"]
)
def test_invalid_xml_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        read(body)


def test_comments_are_skipped_and_cdata_is_text() -> None:
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
def test_wanted_type_makes_ambiguous_xml_equal_to_json(inside: str, json_text: str) -> None:
    assert xml(inside).to(Shape) == read(json_text.encode()).to(Shape)


def test_empty_element_is_an_empty_object_where_one_is_wanted() -> None:
    assert xml("<inners/><inners/>").to(Shape) == read(b'{"inners": [{}, {}]}').to(Shape)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"numbers": ["five"]}', r"\$\.numbers\[0\]"),
        (b'{"numbers": [5.5]}', r"\$\.numbers\[0\]"),
        (b'{"inners": [{}, {"number": "s3cret"}]}', r"\$\.inners\[1\]\.number"),
        (b'{"inners": "s3cret"}', r"\$\.inners\[0\]"),
        (b'{"text": 5}', r"\$\.text"),
        (b"<xml><numbers>s3cret</numbers></xml>", r"\$\.numbers\[0\]"),
        (b"<xml><text><a/></text></xml>", r"\$\.text"),
        (b"[]", "Expected `object`, got `array`"),
    ],
)
def test_wrong_shape_is_refused_by_its_path_without_its_value(body: bytes, where: str) -> None:
    with pytest.raises(UnreadableError, match=where) as refused:
        read(body).to(Shape)
    assert "s3cret" not in str(refused.value)


def test_reading_as_a_type_does_not_modify_the_document() -> None:
    document = xml("<numbers>5</numbers><names/>")
    document.to(Shape)
    assert document.value == {"numbers": "5", "names": None}


@pytest.mark.parametrize("name", ["json", "xml"])
def test_escaped_text_inside_a_value_is_what_encoding_it_gives(name: str) -> None:
    text = 'a "<&>" \\ é'
    wire_format = FORMATS[name]
    whole = wire_format.encode({"token": text})
    assert wire_format.encode({"token": "~"}).replace(b"~", wire_format.escape(text)) == whole
