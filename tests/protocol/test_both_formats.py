"""The same answer in JSON and in XML reads equal, however it is spelled and encoded."""

from __future__ import annotations

import codecs
import json
from xml.sax.saxutils import escape

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altcraft_async.errors import ApiError
from altcraft_async.models import TaskRef
from altcraft_async.models.counters import Count
from altcraft_async.protocol.codecs import Document, UnreadableError, read
from altcraft_async.protocol.counter_responses import counters_report
from altcraft_async.protocol.endpoints import TASK_STATUS
from altcraft_async.protocol.envelope import interpret
from altcraft_async.protocol.messages import Response
from altcraft_async.protocol.object_responses import resource_page, segment_details
from altcraft_async.protocol.task_responses import task_answer

CORE = settings.get_profile("pure")

NUMBERS = [
    *("8", "8.0", "1e3", "1E+2", "-0", "0.8e1", "8.5", "-8", "-8.0", "1e30", "1e400"),
    *("9223372036854775807", "9223372036854775808", "99999999999999999999999"),
]
WORDS = ("true", "false", "null", "1", "0", "-0", "2", "")

# What both formats can have: XML has no control characters, and reads a bare CR as LF.
characters = st.characters(
    exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters=" \t\n"
)
texts = st.text(characters, max_size=8) | st.sampled_from([" ", "Shop ", "\n", "]]>", "&lt;", "7"])
blanks = st.sampled_from(["", " ", "\n    ", "\t"])


class Inner(msgspec.Struct):
    """One of a list."""

    number: Count | None = None


class Shape(msgspec.Struct):
    """One field of each kind that the platform sends."""

    text: str
    texts: list[str]
    count: Count
    number: int | None
    flag: bool | None
    inners: list[Inner]


class Answer(msgspec.Struct, frozen=True):
    """One answer; numbers and flags as they are spelled."""

    text: str
    texts: list[str]
    count: str
    number: str
    flag: str
    inners: list[str]

    def in_json(self) -> str:
        """Write it as JSON."""
        inners = ", ".join(f'{{"number": {one}}}' for one in self.inners)
        return (
            f'{{"text": {json.dumps(self.text)}, "texts": {json.dumps(self.texts)}, '
            f'"count": {self.count}, "number": {self.number or "null"}, '
            f'"flag": {self.flag or "null"}, "inners": [{inners}]}}'
        )

    def in_xml(self, blank: str, *, cdata: bool) -> str:
        """Write it as XML with blanks around elements, numbers and flags."""
        text = _cdata if cdata else _escaped
        fields = [
            f"<text>{text(self.text)}</text>",
            *(f"<texts>{text(one)}</texts>" for one in self.texts),
            *([] if self.texts else [f"<texts>{blank}</texts>"]),
            f"<count>{blank}{self.count}{blank}</count>",
            f"<number>{blank}{self.number}{blank}</number>",
            f"<flag>{blank}{self.flag}{blank}</flag>",
            *(f"<inners>{blank}<number>{one}</number>{blank}</inners>" for one in self.inners),
            *([] if self.inners else [f"<inners>{blank}</inners>"]),
        ]
        return f"<xml>{blank}{blank.join(fields)}{blank}</xml>"


def _cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>" if text else ""


def _escaped(text: str) -> str:
    return escape(text, {"]": "&#93;", "\u00e9": "&#xe9;"})


answers = st.builds(
    Answer,
    text=texts,
    # One blank text alone cannot be told from an empty list in XML.
    texts=st.lists(texts, max_size=3).filter(lambda ones: len(ones) != 1 or ones[0].strip()),
    count=st.sampled_from(NUMBERS),
    number=st.sampled_from([*NUMBERS, ""]),
    flag=st.sampled_from(WORDS),
    inners=st.lists(st.sampled_from(NUMBERS), max_size=2),
)


def outcome(body: bytes) -> Shape | None:
    """Return what an answer reads as; ``None`` if it is refused."""
    try:
        return read(body).to(Shape)
    except UnreadableError:
        return None


@CORE
@given(answers, blanks, st.booleans())
@example(Answer("Shop ", ["a", " "], "8.0", "1e3", "true", ["1"]), "\n", False)  # noqa: FBT003 -- by position
def test_both_formats_read_equal_or_both_are_refused(
    answer: Answer,
    blank: str,
    cdata: bool,  # noqa: FBT001 -- drawn
) -> None:
    as_json = outcome(answer.in_json().encode())
    assert outcome(answer.in_xml(blank, cdata=cdata).encode()) == as_json


@CORE
@given(answers, blanks, blanks)
def test_numbers_and_flags_may_be_texts_with_blanks_in_both_formats(
    answer: Answer, before: str, after: str
) -> None:
    as_texts = msgspec.structs.replace(
        answer,
        count=json.dumps(before + answer.count + after),
        number=json.dumps(before + answer.number + after) if answer.number else "",
        flag=json.dumps(before + answer.flag + after) if answer.flag else "",
    )
    as_xml = outcome(answer.in_xml("", cdata=False).encode())
    assert outcome(as_texts.in_json().encode()) == as_xml


@pytest.mark.parametrize("before", ["", "\n", "\r\n \t"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        '{"a": "ж"}',
        "<xml><a>ж</a></xml>",
        '<?xml version="1.0" encoding="UTF-8"?><xml><a>ж</a></xml>',
        # What the mark shows wins over what a program writes into each declaration.
        '<?xml version="1.0" encoding="windows-1251"?><xml><a>ж</a></xml>',
    ],
    ids=["json", "xml", "declared utf-8", "declared cp1251"],
)
def test_byte_order_mark_and_blanks_before_an_answer_are_skipped(
    text: str, mark: bytes, encoding: str, before: str
) -> None:
    assert read(mark + (before + text).encode(encoding)).value == {"a": "ж"}


@pytest.mark.parametrize("before", [b"", b"\n", b"\r\n \t"])
def test_blanks_before_a_declaration_are_skipped(before: bytes) -> None:
    body = '<?xml version="1.0" encoding="windows-1251"?><xml><a>ж</a></xml>'.encode("cp1251")
    assert read(before + body).value == {"a": "ж"}


@pytest.mark.parametrize(
    "body", ['{"a": "\ud800"}', "<xml><a>\ud800</a></xml>"], ids=["json", "xml"]
)
def test_broken_utf_16_is_unreadable(body: str) -> None:
    with pytest.raises(UnreadableError):
        read(codecs.BOM_UTF16_LE + body.encode("utf-16-le", "surrogatepass"))


def report_outcome(body: bytes) -> object:
    """Return the report of an answer of tasks/status, or why there is none."""
    try:
        return counters_report(task_answer(read(body)).result, TaskRef(task_id="t"))
    except UnreadableError as refused:
        return str(refused)


def counted(*channels: str, form: str) -> bytes:
    """Return a finished task with these channels."""
    if form == "json":
        rows = [{"channel": one, "status": {"all": place}} for place, one in enumerate(channels)]
        result = [{"channels": rows, "list_id": 1}]
        return json.dumps({"error": 0, "data": {"status": "completed", "result": result}}).encode()
    rows_xml = "".join(
        f"<channels><channel>{one}</channel><status><all>{place}</all></status></channels>"
        for place, one in enumerate(channels)
    )
    result_xml = f"<result>{rows_xml}<list_id>1</list_id></result>"
    return (
        f"<xml><error>0</error><data><status>completed</status>{result_xml}</data></xml>"
    ).encode()


@pytest.mark.parametrize("channels", [("email",), (" ",), ("email ", "email"), ("",)])
def test_channel_names_read_equal(channels: tuple[str, ...]) -> None:
    as_json = report_outcome(counted(*channels, form="json"))
    assert report_outcome(counted(*channels, form="xml")) == as_json


@pytest.mark.parametrize("form", ["json", "xml"])
def test_channel_that_is_sent_twice_is_refused(form: str) -> None:
    """Which of its counters are right is not known."""
    said = report_outcome(counted("email", "sms", "email", form=form))
    assert said == "channel `email` is there twice"


@pytest.mark.parametrize("code", ["404", "404.0", "4.04e2"])
@pytest.mark.parametrize("form", ["json", "xml"])
def test_code_of_a_refusal_reads_equal_in_every_spelling(form: str, code: str) -> None:
    body = f'{{"error": {code}}}' if form == "json" else f"<xml><error>\n{code} </error></xml>"
    with pytest.raises(ApiError) as refused:
        interpret(TASK_STATUS, Response(status=200, body=body.encode()), str)
    assert (refused.value.code, type(refused.value).__name__) == (404, "NotFoundError")


def test_name_keeps_its_blanks_in_both_formats() -> None:
    as_json = read(b'{"data": [{"id": 1.0, "name": "Shop "}], "error": 0}')
    as_xml = read(b"<xml><data><id> 1.0 </id><name>Shop </name></data></xml>")
    assert resource_page(as_json).rows == resource_page(as_xml).rows
    assert resource_page(as_xml).rows[0].name == "Shop "


@pytest.mark.parametrize("number", ["5", "-5", "5.0", "1e3"])
def test_documented_numbers_of_a_rule_read_equal(number: str) -> None:
    as_json = f'{{"data": {{"id": 1, "segment": [{{"limit": {number}}}]}}, "error": 0}}'
    as_xml = f"<xml><data><id>1</id><segment><limit>{number} </limit></segment></data></xml>"
    details = [segment_details(read(body.encode())) for body in (as_json, as_xml)]
    assert details[0] == details[1]


def test_blanks_between_elements_are_no_part_of_a_raw_status() -> None:
    document = read(
        b"<xml>\n <data>\n  <status>new</status>\n  <x>\n <y>1</y> </x>\n </data></xml>"
    )
    assert isinstance(document, Document)
    assert task_answer(document).status.raw == {"status": "new", "x": {"y": "1"}}
