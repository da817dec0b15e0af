"""HTTP responses as values."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import altcraft_async
from altcraft_async import (
    AltcraftError,
    ApiError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    HistoryError,
    LedgerError,
    NotFoundError,
    PermissionDeniedError,
    PlatformUnavailableError,
    PollingError,
    ProtocolError,
    RateLimitedError,
    RequestTimeoutError,
    ServerError,
    StartUnknownError,
    TariffLimitError,
    TaskFailedError,
    TaskLostError,
    TaskRef,
    TaskStalledError,
    TransportError,
    WaitTimeoutError,
)
from altcraft_async.integrations._web import responses
from altcraft_async.integrations._web.responses import TaskView
from altcraft_async.models.task_words import task_word

REF = TaskRef(task_id="7f9c", kind="resource", target=(24, 1))
PLATFORM_TEXT = "text of the platform"

STATUSES = [
    (AuthenticationError(PLATFORM_TEXT), 502),
    (BadRequestError(PLATFORM_TEXT), 502),
    (PermissionDeniedError(PLATFORM_TEXT), 502),
    (TariffLimitError(PLATFORM_TEXT), 502),
    (ApiError(PLATFORM_TEXT), 502),
    (ServerError(PLATFORM_TEXT), 502),
    (TransportError(PLATFORM_TEXT), 502),
    (ProtocolError(PLATFORM_TEXT), 502),
    (TaskFailedError(PLATFORM_TEXT, ref=REF), 502),
    (RateLimitedError(PLATFORM_TEXT), 503),
    (PollingError(PLATFORM_TEXT, ref=REF), 503),
    (ClientClosedError(PLATFORM_TEXT), 503),
    (PlatformUnavailableError(PLATFORM_TEXT, since=datetime.now(UTC), retry_after=4.0), 503),
    (RequestTimeoutError(PLATFORM_TEXT), 504),
    (WaitTimeoutError(PLATFORM_TEXT, ref=REF), 504),
    (TaskStalledError(PLATFORM_TEXT, ref=REF), 504),
    (NotFoundError(PLATFORM_TEXT), 404),
    (TaskLostError(PLATFORM_TEXT, ref=REF), 404),
    (LedgerError(PLATFORM_TEXT), 503),
    (StartUnknownError(PLATFORM_TEXT, entries=()), 409),
    (AltcraftError(PLATFORM_TEXT), 500),
    (HistoryError(PLATFORM_TEXT), 500),
    (ConfigurationError(PLATFORM_TEXT), 500),
]


@pytest.mark.parametrize(("error", "status"), STATUSES)
def test_error_has_its_status_and_omits_the_platforms_text(
    error: AltcraftError, status: int
) -> None:
    answer = responses.error_answer(error)
    assert answer.status == status
    body = json.loads(answer.body)
    assert body.keys() == {"error", "message"}
    assert PLATFORM_TEXT not in body["message"]
    assert ("Retry-After" in answer.headers) == (status in (503, 504))


def test_every_error_of_the_library_has_a_response() -> None:
    kinds = {type(error) for error, _ in STATUSES}
    public = {getattr(altcraft_async, name) for name in altcraft_async.__all__}
    errors = {one for one in public if isinstance(one, type) and issubclass(one, AltcraftError)}
    bases = {altcraft_async.TaskError, altcraft_async.WaitError}
    assert errors - bases <= kinds


def test_wrong_value_is_shown_as_it_is() -> None:
    answer = responses.error_answer(
        ConfigurationError("resource_id: has to be a positive whole number", wrong_value=True)
    )
    assert (answer.status, json.loads(answer.body)["message"]) == (
        400,
        "resource_id: has to be a positive whole number",
    )


@pytest.mark.parametrize("kind", [TransportError, RequestTimeoutError, ServerError])
def test_start_that_may_have_worked_has_no_retry_after(
    kind: type[TransportError | ServerError],
) -> None:
    answer = responses.error_answer(kind(PLATFORM_TEXT, maybe_delivered=True))
    assert "check before you start again" in json.loads(answer.body)["message"]
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    ("seconds", "header"),
    [(None, "1"), (0.0, "1"), (2.1, "3"), (1e9, "30"), (float("inf"), "1"), (float("nan"), "1")],
)
def test_retry_after_is_between_1_and_30_seconds(seconds: float | None, header: str) -> None:
    assert (
        responses.pending_answer(TaskView(task="7f9c", eta=seconds), "/x").headers["Retry-After"]
        == header
    )


IDS = st.integers(min_value=1, max_value=10**17)
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200)


@given(WORDS.filter(lambda text: not text.startswith("{")), IDS, IDS)
def test_path_in_ascii_leads_back_to_the_task(
    task_id: str, resource_id: int, database_id: int
) -> None:
    ref = TaskRef(task_id=task_id, kind="resource", target=(resource_id, database_id))
    path = responses.task_path("/tasks", task_word(ref))
    assert path.startswith("/tasks/")
    assert "?" not in path
    assert "#" not in path
    assert responses.parse_task(unquote(path.removeprefix("/tasks/"))) == ref


@pytest.mark.parametrize(
    "word",
    [
        "",
        "7f9c",
        "7f9c@resource:24",
        "7f9c@profile:1:2",
        "@resource:24:1",
        "a b@resource:24:1",
        "a\n@resource:24:1",
        "7f9c@resource:-1:1",
        "7f9c@resource:0:1",
        "x" * 300 + "@resource:24:1",
        REF.to_json(),
        '{"version":1,"task_id":"7f9c"}',
    ],
)
def test_malformed_task_is_refused(word: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^task: has to be"):
        responses.parse_task(word)


@given(st.text(), st.integers() | st.none())
def test_status_of_any_text_makes_one_event(status: str, progress: int | None) -> None:
    event = responses.status_event(TaskView(task="7f9c", status=status, progress=progress)).decode()
    head, name, data, *rest = event.split("\n")
    assert head.startswith("id: ")
    assert name == "event: status"
    assert json.loads(data.removeprefix("data: "))["progress"] == progress
    assert rest == ["", ""]
    assert "\r" not in event


def test_same_status_has_the_same_event_id() -> None:
    one = TaskView(task="7f9c", status="running", progress=40, eta=2.0)
    same = TaskView(task="7f9c", status="running", progress=40, eta=1.0)
    other = TaskView(task="7f9c", status="running", progress=41, eta=1.0)
    assert (
        responses.status_event_id(one)
        == responses.status_event_id(same)
        != responses.status_event_id(other)
    )


def test_browser_reconnects_after_a_temporary_error_and_not_after_the_end() -> None:
    assert responses.error_event(PollingError(PLATFORM_TEXT, ref=REF)).startswith(
        b"event: interrupted\n"
    )
    assert responses.error_event(TaskFailedError(PLATFORM_TEXT, ref=REF)).startswith(
        b"id: end\nevent: failed\n"
    )
    assert responses.report_event(TaskView(task="7f9c")).startswith(b"id: end\nevent: report\n")
