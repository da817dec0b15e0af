"""From a whole HTTP answer to what it says, or to the one right error."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altcraft_async.errors import (
    AltcraftError,
    ApiError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    ServerError,
    TariffLimitError,
)
from altcraft_async.protocol.codecs import Document, UnreadableError
from altcraft_async.protocol.endpoints import REFRESH_RESOURCE, TASK_STATUS, Endpoint
from altcraft_async.protocol.envelope import (
    SNIPPET_CHARACTERS,
    interpret,
    parse_retry_after,
    snippet,
)
from altcraft_async.protocol.messages import Response
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.transport.retry import may_retry

CORE = settings.get_profile("pure")


Sample = Callable[[str], bytes]

SAMPLES = Path(__file__).parents[1] / "samples"
ANSWERS = sorted(
    path.name for path in SAMPLES.iterdir() if path.suffix != ".md" and ".request." not in path.name
)
TASK_ID = "c9c3ec48-1bef-4969-9c1a-df39f0c179bb"
SECRET = "s3cret-token"
PAGE = b"<html><head><title>502 Bad Gateway</title></head></html>"


def hide(text: str) -> str:
    """Take the secret out."""
    return text.replace(SECRET, "***")


def refused(response: Response, endpoint: Endpoint[object] = TASK_STATUS) -> AltcraftError:
    """Return the error that an answer makes."""
    with pytest.raises(AltcraftError) as caught:
        interpret(endpoint, response, hide)
    return caught.value


def refusal(
    code: object,
    text: object = "no",
    *,
    status: int = 200,
    endpoint: Endpoint[object] = TASK_STATUS,
) -> ApiError:
    """Return the error that an envelope with this code makes."""
    body = json.dumps({"error": code, "error_text": text}).encode()
    error = refused(Response(status=status, body=body), endpoint)
    assert isinstance(error, ApiError)
    return error


def misread(response: Response, endpoint: Endpoint[object] = TASK_STATUS) -> ProtocolError:
    """Return the error that an answer of somebody else makes."""
    error = refused(response, endpoint)
    assert type(error) is ProtocolError
    return error


@pytest.mark.parametrize("suffix", ["json", "xml"])
def test_documented_start_is_its_task_id(suffix: str, sample: Sample) -> None:
    """A successful answer is what its endpoint reads out of it."""
    body = sample(f"resources_refresh_counters.answer.{suffix}")
    assert interpret(REFRESH_RESOURCE, Response(status=200, body=body), hide) == TASK_ID


@pytest.mark.parametrize("name", [name for name in ANSWERS if name.startswith("tasks_status")])
def test_documented_status_is_a_task_answer(name: str, sample: Sample) -> None:
    """Every sample of tasks/status is read, whatever the content type says."""
    response = Response(status=200, body=sample(name), content_type="text/plain")
    assert interpret(TASK_STATUS, response, hide).status.status in {"completed", "running"}


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_2xx_without_an_error_is_success(status: int) -> None:
    """Success is a 2xx status and an error of 0."""
    response = Response(status=status, body=b'{"error": 0, "data": {"task_id": "x"}}')
    assert interpret(REFRESH_RESOURCE, response, hide) == "x"


@pytest.mark.parametrize("error", ["", '"error": null,', '"error": "0",', '"error": 0,'])
def test_data_without_an_error_is_success(error: str) -> None:
    """An answer that has data and names no error is taken."""
    body = f'{{{error} "data": {{"task_id": "x"}}}}'.encode()
    assert interpret(REFRESH_RESOURCE, Response(status=200, body=body), hide) == "x"


CODES: list[tuple[int, type[ApiError]]] = [
    (400, BadRequestError),
    (401, AuthenticationError),
    (402, TariffLimitError),
    (403, PermissionDeniedError),
    (404, NotFoundError),
    (429, RateLimitedError),
    (500, ServerError),
    (503, ServerError),
    (599, ServerError),
    (413, ApiError),
    (422, ApiError),
    (440, ApiError),
    (1, ApiError),
    (-1, ApiError),
    (10**12, ApiError),
]


@pytest.mark.parametrize(("code", "kind"), CODES)
def test_error_inside_http_200_is_the_error_of_its_code(code: int, kind: type[ApiError]) -> None:
    """A non-zero error refuses under any HTTP status, and the set of codes is open."""
    error = refusal(code, "because")
    assert type(error) is kind
    assert (error.code, error.text, error.http_status) == (code, "because", 200)
    assert error.path == "tasks/status"
    assert str(error).startswith(f"tasks/status: refused with {code}: because (HTTP 200")


@pytest.mark.parametrize(("status", "kind"), [pair for pair in CODES if 400 <= pair[0] <= 599])
def test_http_status_refuses_whatever_the_body_says(status: int, kind: type[ApiError]) -> None:
    """A status other than 2xx is an error under any error, also without an envelope."""
    for body in (b'{"error": 0}', b'{"data": {"task_id": "x"}}', b"plain", b""):
        error = refused(Response(status=status, body=body))
        assert type(error) is kind
        assert isinstance(error, ApiError)
        assert (error.code, error.http_status) == (status, status)


def test_envelope_names_the_code_and_http_the_status() -> None:
    """An unknown code under a known status is of the status's class, with its own code."""
    error = refusal(17, "no such object", status=404)
    assert type(error) is NotFoundError
    assert (error.code, error.text, error.http_status) == (17, "no such object", 404)


@pytest.mark.parametrize(("code", "kind"), [(404, NotFoundError), (429, RateLimitedError)])
def test_code_of_the_envelope_goes_before_the_http_status(code: int, kind: type[ApiError]) -> None:
    """Where both are known, the platform's own code decides the class."""
    assert type(refusal(code, status=500)) is kind


def test_server_error_inside_http_404_is_a_server_error() -> None:
    """A platform that failed does not say that the task is unknown."""
    assert type(refusal(500, status=404)) is ServerError


@pytest.mark.parametrize("code", ["400", " 400 "])
def test_code_as_text_is_a_number(code: str) -> None:
    """In XML, and from careless servers, an error is the text of a number."""
    assert type(refusal(code)) is BadRequestError


def test_refusal_in_xml_reads_as_in_json() -> None:
    """An error has the same fields in both formats."""
    body = b"<xml><error>403</error><error_text>No rights</error_text></xml>"
    error = refused(Response(status=200, body=body))
    assert type(error) is PermissionDeniedError
    assert (error.code, error.text) == (403, "No rights")


@pytest.mark.parametrize("text", [None, "", 0, []])
def test_refusal_without_text_says_so(text: object) -> None:
    """A refusal without words has an empty text and a message of its own."""
    error = refusal(400, text)
    assert error.text == ""
    assert "refused with 400: no text" in str(error)


@pytest.mark.parametrize("text", [5, ["a"], {"a": 1}])
def test_refusal_with_a_strange_text_is_still_that_refusal(text: object) -> None:
    """A text of another type is shown as it is."""
    assert refusal(400, text).text == str(text)


def test_long_text_is_cut() -> None:
    """An error does not carry a novel."""
    assert len(refusal(400, "x" * 10_000).text) == SNIPPET_CHARACTERS


@pytest.mark.parametrize("error", ["many", 1.5, [], {}, "9" * 5000])
def test_error_that_is_no_number_is_not_altcrafts(error: object) -> None:
    """An envelope has a number in it."""
    body = json.dumps({"error": error, "data": {}}).encode()
    assert misread(Response(status=200, body=body)).http_status == 200


@pytest.mark.parametrize("body", [b"[]", b"{}", b"5", b"null", b'"x"', b"<xml/>", b"<xml>hi</xml>"])
def test_answer_without_error_and_data_is_not_altcrafts(body: bytes) -> None:
    """An envelope has error or data."""
    assert "neither error nor data" in str(misread(Response(status=200, body=body)))


@pytest.mark.parametrize("status", [200, 204])
def test_empty_success_is_not_altcrafts(status: int) -> None:
    """A success without an answer proves nothing."""
    error = misread(Response(status=status, body=b""), REFRESH_RESOURCE)
    assert error.maybe_delivered
    assert f"(HTTP {status}, no content type, 0 bytes)" in str(error)


def test_wrong_shape_is_told_by_its_path() -> None:
    """A ProtocolError of shape says where, in what, and that it may have been acted on."""
    body = b'{"error": 0, "data": {"task_id": 5}}'
    error = misread(
        Response(status=200, body=body, content_type="application/json"), REFRESH_RESOURCE
    )
    assert "Expected `str`, got `int` - at `$.data.task_id`" in str(error)
    assert "(HTTP 200, application/json, 36 bytes)" in str(error)
    assert (error.path, error.http_status) == ("resources/refresh_counters", 200)
    assert (error.snippet, error.maybe_delivered) == (body.decode(), True)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (PAGE, ""),
        (b"\n <!DOCTYPE html><html>", ""),
        (b"<HTML><BODY>", ""),
        (b"Bad gateway", "text/html"),
        (b"", "application/xhtml+xml"),
    ],
)
@pytest.mark.parametrize("status", [200, 404, 502])
def test_page_for_people_is_not_altcrafts(status: int, body: bytes, content_type: str) -> None:
    """A proxy's page is told as such, with a hint, whatever its status."""
    error = misread(Response(status=status, body=body, content_type=content_type))
    assert "is base_url right, or did a proxy answer?" in str(error)
    assert error.http_status == status
    # A page that says 404 is not asked for again: nothing was done, nothing will be.
    assert error.permanent == (status == 404)
    assert error.maybe_delivered is False


def test_page_is_told_by_its_type_in_any_case() -> None:
    """Media types know no case."""
    misread(Response(status=502, body=b"Bad gateway", content_type="Text/HTML"))


def test_page_that_throttles_is_a_rate_limit() -> None:
    """A 429 is surely not acted on, also where a proxy made a page of it."""
    error = refused(
        Response(status=429, body=PAGE, content_type="text/html", retry_after="7"), REFRESH_RESOURCE
    )
    assert type(error) is RateLimitedError
    assert (error.retry_after, error.maybe_delivered) == (7, False)
    assert "asks to wait 7 s" in str(error)


def test_plain_answer_of_a_proxy_is_the_text_of_the_error() -> None:
    """Words that come instead of an envelope are kept."""
    error = refused(Response(status=503, body=b"upstream\r\nis  down\x00"))
    assert type(error) is ServerError
    assert error.text == "upstream  is  down"


DELIVERED = [
    (200, 400, False),
    (200, 429, False),
    (429, 429, False),
    (413, 413, False),
    (404, 404, False),
    (200, 500, True),
    (500, 0, True),
    (503, 429, True),
    (408, 0, True),
    (425, 0, True),
]


@pytest.mark.parametrize(("status", "code", "maybe"), DELIVERED)
def test_refused_start_may_have_been_acted_on_only_where_a_server_gave_up(
    status: int,
    code: int,
    maybe: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    """A 5xx, a 408 or a 425 does not prove that nothing started."""
    assert refusal(code, status=status, endpoint=REFRESH_RESOURCE).maybe_delivered is maybe


@pytest.mark.parametrize("code", [408, 425])
def test_start_that_timed_out_inside_http_200_is_not_repeated(code: int) -> None:
    """A code that is worth a repeat and does not prove inaction must not start a task twice."""
    error = refusal(code, endpoint=REFRESH_RESOURCE)
    assert not may_retry(error, starts=True)


@pytest.mark.parametrize(("status", "code"), [row[:2] for row in DELIVERED])
def test_refused_read_changed_nothing(status: int, code: int) -> None:
    """For a read it does not matter what was delivered."""
    assert not refusal(code, status=status).maybe_delivered


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
@pytest.mark.parametrize("body", [b"", PAGE, b'{"error": 0, "data": {"task_id": "x"}}'])
def test_redirect_is_refused_and_never_followed(status: int, body: bytes) -> None:
    """A redirect is a permanent ProtocolError that says where, whatever its body."""
    response = Response(status=status, body=body, location="https://other.example/api/?token=x#y")
    error = misread(response, REFRESH_RESOURCE)
    assert "redirected to https://other.example/api/ (HTTP" in str(error)
    assert "token=x" not in str(error)
    assert (error.http_status, error.permanent) == (status, True)
    assert error.maybe_delivered is (status not in {307, 308})
    assert not misread(response).maybe_delivered


@pytest.mark.parametrize(
    ("location", "where"),
    [("", "nowhere"), ("/login", "/login"), ("http://[::1", "an address that")],
)
def test_redirect_to_nowhere_says_so(location: str, where: str) -> None:
    """A missing or broken Location is no other error."""
    error = misread(Response(status=302, body=b"", location=location))
    assert f"redirected to {where}" in str(error)


def shown(error: AltcraftError) -> str:
    """Return all that an error shows."""
    return f"{error!r} {error} {vars(error)}"


@pytest.mark.parametrize("status", [200, 400, 500])
def test_token_in_the_text_of_a_refusal_is_hidden(status: int) -> None:
    """A server that quotes the token does not get it into an error."""
    error = refusal(400, f"bad token {SECRET}", status=status)
    assert error.text == "bad token ***"
    assert SECRET not in shown(error)


def test_token_at_the_cut_of_a_text_is_hidden() -> None:
    """Text is cut after the token was taken out, so that no half of it stays."""
    error = refusal(400, "x" * (SNIPPET_CHARACTERS - 5) + SECRET)
    assert SECRET[:3] not in error.text


@pytest.mark.parametrize(
    "response",
    [
        Response(status=200, body=f"<html>{SECRET}</html>".encode()),
        Response(status=200, body=f'{{"token": "{SECRET}"}}'.encode()),
        Response(status=500, body=f"cannot read {SECRET}".encode()),
        Response(status=429, body=f"<html>{SECRET}</html>".encode()),
        Response(status=200, body=b"?", content_type=f"text/{SECRET}"),
        Response(status=302, body=b"", location=f"https://x/{SECRET}/?{SECRET}#{SECRET}"),
        Response(status=302, body=b"", location=f"https://{SECRET}@x/"),
    ],
)
def test_token_in_a_strange_answer_is_hidden(response: Response) -> None:
    """Snippet, text, content type and location are shown without the token."""
    error = refused(response)
    assert SECRET not in shown(error)
    assert "***" in shown(error)


@pytest.mark.parametrize("status", [200, 500])
def test_token_at_the_cut_of_a_snippet_is_hidden(status: int) -> None:
    """No half of a token stays at the end of a snippet."""
    body = b"x" * (SNIPPET_CHARACTERS - 5) + SECRET.encode()
    assert SECRET[:3] not in shown(refused(Response(status=status, body=body)))


def test_token_in_the_reason_of_a_shape_is_hidden() -> None:
    """What a reader found wrong is shown without the token."""

    def unhappy(_document: Document) -> str:
        msg = f"unexpected {SECRET}"
        raise UnreadableError(msg)

    endpoint = Endpoint(path="x/y", read=unhappy, names={})
    error = misread(Response(status=200, body=b'{"error": 0}'), endpoint)
    assert "x/y: not an answer of Altcraft's: unexpected ***" in str(error)
    assert SECRET not in shown(error)


def test_error_shows_nothing_of_what_raised_it() -> None:
    """No error of a parser hangs on the errors that people see."""
    for body in (b"<xml>", b"{", b'{"error": "x"}', b'{"error": 0, "data": 5}'):
        error = refused(Response(status=200, body=body))
        assert (error.__cause__, error.__context__) == (None, None)


def check_value_or_altcraft_error(body: bytes, status: int) -> None:
    """Interpret a body both ways; anything else than a value or an AltcraftError escapes."""
    for endpoint, kind in ((REFRESH_RESOURCE, str), (TASK_STATUS, TaskAnswer)):
        try:
            value = interpret(endpoint, Response(status=status, body=body), hide)
        except AltcraftError:
            continue
        assert isinstance(value, kind)


@settings(CORE, max_examples=100)
@given(name=st.sampled_from(ANSWERS), keep=st.floats(0, 1), status=st.sampled_from([200, 500]))
def test_cut_answer_is_a_value_or_an_altcraft_error(
    name: str, keep: float, status: int, sample: Sample
) -> None:
    """An answer that ends anywhere is read or refused."""
    body = sample(name)
    check_value_or_altcraft_error(body[: int(keep * len(body))], status)


@settings(CORE, max_examples=100)
@given(
    name=st.sampled_from(ANSWERS),
    damage=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
    ),
)
def test_damaged_answer_is_a_value_or_an_altcraft_error(
    name: str, damage: list[tuple[float, int]], sample: Sample
) -> None:
    """An answer with some bytes changed is read or refused."""
    body = bytearray(sample(name))
    for where, byte in damage:
        body[int(where * len(body))] = byte
    check_value_or_altcraft_error(bytes(body), 200)


@CORE
@given(st.binary(), st.integers(100, 599), st.text(), st.text(), st.text())
def test_any_answer_is_a_value_or_an_altcraft_error(
    body: bytes, status: int, content_type: str, retry_after: str, location: str
) -> None:
    """No status, header or body makes anything else."""
    response = Response(
        status=status,
        body=body,
        content_type=content_type,
        retry_after=retry_after,
        location=location,
    )
    with pytest.raises(AltcraftError):
        interpret(TASK_STATUS, response, hide)


@CORE
@given(st.binary())
@example(b"\xff" * 10_000)
@example("ж".encode() * 10_000)
def test_snippet_is_one_short_printable_line(body: bytes) -> None:
    """What is shown of a strange answer breaks no log."""
    line = snippet(body, str)
    assert line.isprintable()
    assert len(line) <= SNIPPET_CHARACTERS


NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("1000000000", 1e9),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0),
        ("Mon, 23 Nov 2026 15:00:10 +0300", 10),
        ("Mon, 23 Nov 2026 12:00:10 -0000", 10),
        ("", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("1e999", None),
        ("soon", None),
        ("Mon, 99 Nov 2026 12:00:00 GMT", None),
        ("Mon, 23 Nov 99999 12:00:00 GMT", None),
        ("Mon, 23 Nov 2026 12:00:00 +999999999999999", None),
    ],
)
def test_retry_after_is_seconds_from_now_or_none(header: str, seconds: float | None) -> None:
    """A number or an HTTP date asks for seconds; anything else asks for nothing."""
    assert parse_retry_after(header, now=NOW.timestamp()) == seconds


@CORE
@given(
    st.text()
    | st.floats().map(str)
    | st.integers().map(str)
    | st.datetimes().map(format_datetime)
    | st.builds("{0}, {1} Nov {2} {3}:{4}:{5} {6}".format, *[st.text() | st.integers()] * 7),
    st.floats(allow_nan=False, allow_infinity=False),
)
@example("9" * 5000, 0.0)
@example("0001-01-01", 0.0)
@example("Mon, 1 Jan 0001 00:00:00 +2359", 0.0)
@example("Fri, 31 Dec 9999 23:59:59 -2359", -1e308)
def test_retry_after_is_never_negative_nor_endless(header: str, now: float) -> None:
    """No header raises, and what it asks for can be waited for."""
    seconds = parse_retry_after(header, now=now)
    assert seconds is None or 0 <= seconds < math.inf


def test_retry_after_date_counts_from_when_the_answer_came() -> None:
    """A date is turned into seconds by the time of the answer."""
    response = Response(
        status=503,
        body=b"",
        retry_after=format_datetime(NOW + timedelta(seconds=30), usegmt=True),
        received_at=NOW.timestamp(),
    )
    error = refused(response)
    assert isinstance(error, ServerError)
    assert error.retry_after == 30
