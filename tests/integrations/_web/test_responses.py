"""What visitors are answered, as values."""

from __future__ import annotations

import json
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
    LedgerError,
    NotFoundError,
    PermissionDeniedError,
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
from altcraft_async.integrations._web.responses import Shown

REF = TaskRef(task_id="7f9c", kind="resource", target=(24, 1))
SAID = "what the platform said"

STATUSES = [
    (AuthenticationError(SAID), 502),
    (BadRequestError(SAID), 502),
    (PermissionDeniedError(SAID), 502),
    (TariffLimitError(SAID), 502),
    (ApiError(SAID), 502),
    (ServerError(SAID), 502),
    (TransportError(SAID), 502),
    (ProtocolError(SAID), 502),
    (TaskFailedError(SAID, ref=REF), 502),
    (RateLimitedError(SAID), 503),
    (PollingError(SAID, ref=REF), 503),
    (ClientClosedError(SAID), 503),
    (RequestTimeoutError(SAID), 504),
    (WaitTimeoutError(SAID, ref=REF), 504),
    (TaskStalledError(SAID, ref=REF), 504),
    (NotFoundError(SAID), 404),
    (TaskLostError(SAID, ref=REF), 404),
    (LedgerError(SAID), 503),
    (StartUnknownError(SAID, entries=()), 409),
    (AltcraftError(SAID), 500),
]


@pytest.mark.parametrize(("error", "status"), STATUSES)
def test_error_has_its_status_and_keeps_what_the_platform_said(
    error: AltcraftError, status: int
) -> None:
    """What the platform holds against this service is no fault of the visitor's, nor its affair."""
    answer = responses.refused(error)
    assert answer.status == status
    told = json.loads(answer.body)
    assert told.keys() == {"error", "message"}
    assert SAID not in told["message"]
    assert ("Retry-After" in answer.headers) == (status in (503, 504))


def test_every_error_of_the_library_has_an_answer() -> None:
    """None is forgotten, so that no visitor sees an error that nobody thought of."""
    kinds = {type(error) for error, _ in STATUSES} | {ConfigurationError}
    public = {getattr(altcraft_async, name) for name in altcraft_async.__all__}
    errors = {one for one in public if isinstance(one, type) and issubclass(one, AltcraftError)}
    bases = {altcraft_async.TaskError, altcraft_async.WaitError}
    assert errors - bases <= kinds


def test_wrong_argument_is_told_as_it_is() -> None:
    """It names the argument, which most often came from the visitor."""
    answer = responses.refused(ConfigurationError("resource_id: has to be a positive whole number"))
    assert (answer.status, json.loads(answer.body)["message"]) == (
        400,
        "resource_id: has to be a positive whole number",
    )


@pytest.mark.parametrize("kind", [TransportError, RequestTimeoutError, ServerError])
def test_start_that_may_have_worked_is_not_to_be_repeated_blindly(
    kind: type[TransportError | ServerError],
) -> None:
    """The visitor is told to poll first, and no program is told to try again."""
    answer = responses.refused(kind(SAID, maybe_delivered=True))
    assert "poll before you start again" in json.loads(answer.body)["message"]
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    ("seconds", "header"),
    [(None, "1"), (0.0, "1"), (2.1, "3"), (1e9, "30"), (float("inf"), "1"), (float("nan"), "1")],
)
def test_next_question_is_asked_for_in_some_seconds(seconds: float | None, header: str) -> None:
    """Between one second and half a minute, by what is expected."""
    assert (
        responses.underway(Shown(task="7f9c", eta=seconds), "/x").headers["Retry-After"] == header
    )


IDS = st.integers(min_value=1, max_value=10**17)
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=200)


@given(WORDS.filter(lambda text: not text.startswith("{")), IDS, IDS)
def test_path_leads_back_to_the_task(task_id: str, resource_id: int, database_id: int) -> None:
    """Whatever an id looks like, its path is one of ASCII, and says which task it is."""
    ref = TaskRef(task_id=task_id, kind="resource", target=(resource_id, database_id))
    path = responses.task_path("/tasks", ref)
    assert path.startswith("/tasks/")
    assert "?" not in path
    assert "#" not in path
    assert responses.asked_task(unquote(path.removeprefix("/tasks/"))) == ref


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
def test_anything_else_is_no_task(word: str) -> None:
    """A word from outside is refused before anybody is asked about it."""
    with pytest.raises(ConfigurationError, match=r"^task: has to be"):
        responses.asked_task(word)


@given(st.text(), st.integers() | st.none())
def test_event_is_one_line_of_data_whatever_the_status_is_called(
    status: str, progress: int | None
) -> None:
    """The names of statuses are the platform's, and none can forge an event."""
    event = responses.moved(Shown(task="7f9c", status=status, progress=progress)).decode()
    head, name, data, *rest = event.split("\n")
    assert head.startswith("id: ")
    assert name == "event: status"
    assert json.loads(data.removeprefix("data: "))["progress"] == progress
    assert rest == ["", ""]
    assert "\r" not in event


def test_same_news_have_the_same_id() -> None:
    """So a browser that reconnects, to whichever process, does not get them again."""
    one = Shown(task="7f9c", status="running", progress=40, eta=2.0)
    same = Shown(task="7f9c", status="running", progress=40, eta=1.0)
    other = Shown(task="7f9c", status="running", progress=41, eta=1.0)
    assert responses.moved_id(one) == responses.moved_id(same) != responses.moved_id(other)


def test_browser_reconnects_after_what_passes_and_not_after_the_end() -> None:
    """Only an event that is the last has the id of the end."""
    assert responses.failed(PollingError(SAID, ref=REF)).startswith(b"event: interrupted\n")
    assert responses.failed(TaskFailedError(SAID, ref=REF)).startswith(b"id: end\nevent: failed\n")
    assert responses.ended(Shown(task="7f9c")).startswith(b"id: end\nevent: report\n")
