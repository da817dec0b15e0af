"""The value or the error that a complete HTTP answer makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

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
from altcraft_async.protocol.endpoints import REFRESH_RESOURCE, TASK_STATUS, Endpoint
from altcraft_async.protocol.envelope import interpret
from altcraft_async.protocol.messages import Response
from altcraft_async.transport.retry import may_retry

Sample = Callable[[str], bytes]
SAMPLES = Path(__file__).parents[1] / "samples"
ANSWERS = sorted(
    path.name for path in SAMPLES.iterdir() if path.suffix != ".md" and ".request." not in path.name
)
TASK_ID = "c9c3ec48-1bef-4969-9c1a-df39f0c179bb"
SECRET = "s3cret-token"
PAGE = b"<html><head><title>502 Bad Gateway</title></head></html>"


def mask(text: str) -> str:
    """Mask the secret."""
    return text.replace(SECRET, "***")


def refused(response: Response, endpoint: Endpoint[object] = TASK_STATUS) -> AltcraftError:
    """Return the error that an answer makes."""
    with pytest.raises(AltcraftError) as caught:
        interpret(endpoint, response, mask)
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


def unreadable(response: Response, endpoint: Endpoint[object] = TASK_STATUS) -> ProtocolError:
    """Return the error of an answer that is not Altcraft's."""
    error = refused(response, endpoint)
    assert type(error) is ProtocolError
    return error


@pytest.mark.parametrize("suffix", ["json", "xml"])
def test_documented_start_is_its_task_id(suffix: str, sample: Sample) -> None:
    body = sample(f"resources_refresh_counters.answer.{suffix}")
    assert interpret(REFRESH_RESOURCE, Response(status=200, body=body), mask) == TASK_ID


@pytest.mark.parametrize("name", [name for name in ANSWERS if name.startswith("tasks_status")])
def test_documented_status_is_a_task_answer(name: str, sample: Sample) -> None:
    """Whatever the content type is."""
    response = Response(status=200, body=sample(name), content_type="text/plain")
    assert interpret(TASK_STATUS, response, mask).status.status in {"completed", "running"}


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_2xx_without_an_error_is_success(status: int) -> None:
    response = Response(status=status, body=b'{"error": 0, "data": {"task_id": "x"}}')
    assert interpret(REFRESH_RESOURCE, response, mask) == "x"


@pytest.mark.parametrize("error", ["", '"error": null,', '"error": "0",', '"error": 0,'])
def test_data_without_an_error_is_success(error: str) -> None:
    body = f'{{{error} "data": {{"task_id": "x"}}}}'.encode()
    assert interpret(REFRESH_RESOURCE, Response(status=200, body=body), mask) == "x"


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
    error = refusal(code, "because")
    assert type(error) is kind
    assert (error.code, error.text, error.http_status) == (code, "because", 200)
    assert error.path == "tasks/status"
    assert str(error).startswith(f"tasks/status: refused with {code}: because (HTTP 200")


@pytest.mark.parametrize(("status", "kind"), [pair for pair in CODES if 400 <= pair[0] <= 599])
def test_http_status_other_than_2xx_is_an_error_with_any_body(
    status: int, kind: type[ApiError]
) -> None:
    for body in (b'{"error": 0}', b'{"data": {"task_id": "x"}}', b"plain", b""):
        error = refused(Response(status=status, body=body))
        assert type(error) is kind
        assert isinstance(error, ApiError)
        assert (error.code, error.http_status) == (status, status)


def test_unknown_code_gets_the_class_of_the_http_status() -> None:
    error = refusal(17, "no such object", status=404)
    assert type(error) is NotFoundError
    assert (error.code, error.text, error.http_status) == (17, "no such object", 404)


@pytest.mark.parametrize(("code", "kind"), [(404, NotFoundError), (429, RateLimitedError)])
def test_known_code_wins_over_the_http_status(code: int, kind: type[ApiError]) -> None:
    assert type(refusal(code, status=500)) is kind


def test_server_error_inside_http_404_is_a_server_error() -> None:
    """A platform that failed does not say that the task is unknown."""
    assert type(refusal(500, status=404)) is ServerError


@pytest.mark.parametrize("code", ["400", " 400 "])
def test_code_as_text_is_read_as_a_number(code: str) -> None:
    """As in XML."""
    assert type(refusal(code)) is BadRequestError


def test_refusal_in_xml_reads_as_in_json() -> None:
    body = b"<xml><error>403</error><error_text>No rights</error_text></xml>"
    error = refused(Response(status=200, body=body))
    assert type(error) is PermissionDeniedError
    assert (error.code, error.text) == (403, "No rights")


@pytest.mark.parametrize("text", [None, "", 0, []])
def test_refusal_without_text_says_so(text: object) -> None:
    error = refusal(400, text)
    assert error.text == ""
    assert "refused with 400: no text" in str(error)


@pytest.mark.parametrize("text", [5, ["a"], {"a": 1}])
def test_text_of_another_type_is_shown_as_text(text: object) -> None:
    assert refusal(400, text).text == str(text)


@pytest.mark.parametrize("error", ["many", 1.5, [], {}, "9" * 5000])
def test_error_that_is_no_number_is_a_protocol_error(error: object) -> None:
    body = json.dumps({"error": error, "data": {}}).encode()
    assert unreadable(Response(status=200, body=body)).http_status == 200


@pytest.mark.parametrize("body", [b"[]", b"{}", b"5", b"null", b'"x"', b"<xml/>", b"<xml>hi</xml>"])
def test_answer_without_error_and_data_is_a_protocol_error(body: bytes) -> None:
    assert "neither error nor data" in str(unreadable(Response(status=200, body=body)))


@pytest.mark.parametrize("status", [200, 204])
def test_empty_success_is_a_protocol_error(status: int) -> None:
    error = unreadable(Response(status=status, body=b""), REFRESH_RESOURCE)
    assert error.maybe_delivered
    assert f"(HTTP {status}, no content type, 0 bytes)" in str(error)


def test_wrong_shape_is_a_protocol_error_with_its_path() -> None:
    body = b'{"error": 0, "data": {"task_id": 5}}'
    error = unreadable(
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
def test_html_page_is_a_protocol_error_with_a_hint(
    status: int, body: bytes, content_type: str
) -> None:
    error = unreadable(Response(status=status, body=body, content_type=content_type))
    assert "is base_url right, or did a proxy answer?" in str(error)
    assert error.http_status == status
    # A page that says 404 is not asked for again: nothing was done, nothing will be.
    assert error.permanent == (status == 404)
    assert error.maybe_delivered is False


def test_html_page_is_recognised_by_its_type_in_any_case() -> None:
    unreadable(Response(status=502, body=b"Bad gateway", content_type="Text/HTML"))


def test_html_page_with_429_is_a_rate_limited_error() -> None:
    error = refused(
        Response(status=429, body=PAGE, content_type="text/html", retry_after="7"), REFRESH_RESOURCE
    )
    assert type(error) is RateLimitedError
    assert (error.retry_after, error.maybe_delivered) == (7, False)
    assert "asks to wait 7 s" in str(error)


def test_plain_answer_of_a_proxy_is_the_text_of_the_error() -> None:
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
def test_refused_start_may_be_delivered_only_with_5xx_408_or_425(
    status: int,
    code: int,
    maybe: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    assert refusal(code, status=status, endpoint=REFRESH_RESOURCE).maybe_delivered is maybe


@pytest.mark.parametrize("code", [408, 425])
def test_start_that_timed_out_inside_http_200_is_not_retried(code: int) -> None:
    error = refusal(code, endpoint=REFRESH_RESOURCE)
    assert not may_retry(error, starts=True)


@pytest.mark.parametrize(("status", "code"), [row[:2] for row in DELIVERED])
def test_refused_read_is_never_maybe_delivered(status: int, code: int) -> None:
    assert not refusal(code, status=status).maybe_delivered


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
@pytest.mark.parametrize("body", [b"", PAGE, b'{"error": 0, "data": {"task_id": "x"}}'])
def test_redirect_is_a_permanent_protocol_error_with_its_target(status: int, body: bytes) -> None:
    response = Response(status=status, body=body, location="https://other.example/api/?token=x#y")
    error = unreadable(response, REFRESH_RESOURCE)
    assert "redirected to https://other.example/api/ (HTTP" in str(error)
    assert "token=x" not in str(error)
    assert (error.http_status, error.permanent) == (status, True)
    assert error.maybe_delivered is (status not in {307, 308})
    assert not unreadable(response).maybe_delivered


@pytest.mark.parametrize(
    ("location", "where"),
    [("", "nowhere"), ("/login", "/login"), ("http://[::1", "an address that")],
)
def test_redirect_with_a_missing_or_broken_location_says_so(location: str, where: str) -> None:
    error = unreadable(Response(status=302, body=b"", location=location))
    assert f"redirected to {where}" in str(error)
