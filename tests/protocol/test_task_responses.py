"""Answers of ``…/refresh_counters`` and ``tasks/status``."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.models import TaskStatus
from altcraft_async.protocol.codecs import Document, Plain, UnreadableError, read
from altcraft_async.protocol.task_responses import (
    LARGEST_RAW,
    LONGEST_RAW,
    TaskAnswer,
    started_task_id,
    task_answer,
    usual_started_task_id,
    usual_task_answer,
)

CORE = settings.get_profile("pure")
Sample = Callable[[str], bytes]
TASK_ID = "c9c3ec48-1bef-4969-9c1a-df39f0c179bb"
BOTH = pytest.mark.parametrize("suffix", ["json", "xml"])


def answer_of(**data: object) -> TaskAnswer:
    """Read an answer of tasks/status with this data."""
    return task_answer(read(json.dumps({"data": data, "error": 0}).encode()))


@BOTH
def test_documented_start_gives_the_task_id(suffix: str, sample: Sample) -> None:
    assert started_task_id(read(sample(f"resources_refresh_counters.answer.{suffix}"))) == TASK_ID


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"data": null}',
        b'{"data": {}}',
        b'{"data": {"task_id": ""}}',
        b'{"data": {"task_id": null}}',
        b'{"data": {"task_id": 5}}',
        b'{"data": {"task_id": "a\\nb"}}',
        b'{"data": {"task_id": "%b"}}' % (b"x" * 201),
        b'{"data": [{"task_id": "x"}]}',
        b"<xml><data/></xml>",
        b"<xml><data><task_id/></data></xml>",
    ],
)
def test_start_without_a_task_id_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        started_task_id(read(body))


@pytest.mark.parametrize(
    ("body", "task_id"),
    [
        (b'{"data": {"task_id": "x-1"}, "error": 0, "error_text": "Successful operation"}', "x-1"),
        (b'{"data": {"task_id": "x-1", "new": 5}, "error": 0, "error_text": "\xff"}', "x-1"),
        (b'{"data": {"task_id": "x-1"}}', None),
        (b'{"data": {"task_id": "x-1"}, "error": "0"}', None),
        (b'{"data": {"task_id": "x-1"}, "error": 403}', None),
        (b'{"data": {"task_id": "x 1"}, "error": 0}', None),
        (b'{"data": {"task_id": "\xff"}, "error": 0}', None),
        (b'{"data": {"task_id": "x-1"}, "error": 0, "x": ' + b"[" * 100_000, None),
        (b"<xml><data><task_id>x-1</task_id></data><error>0</error></xml>", None),
    ],
)
def test_usual_start_is_read_in_one_step(body: bytes, task_id: str | None) -> None:
    assert usual_started_task_id(body) == task_id


@pytest.mark.parametrize("more", ["", ', "new": 1'], ids=["usual", "unusual"])
def test_status_with_line_breaks_is_one_line(more: str) -> None:
    body = f'{{"data": {{"status": "a\\nb", "progress": 1{more}}}, "error": 0}}'.encode()
    answer = usual_task_answer(body) or task_answer(read(body))
    assert answer.name == "a b"


def test_status_in_an_error_has_small_data_only() -> None:
    small, large = answer_of(status="a", note="x"), answer_of(status="a", note="x" * LONGEST_RAW)
    assert small.stored_status == small.status
    assert large.stored_status == TaskStatus(status="a")


def test_status_of_a_very_large_answer_has_no_raw_values_but_whole() -> None:
    answer = answer_of(status="a", note="x" * LARGEST_RAW)
    assert answer.status == TaskStatus(status="a")
    assert answer.whole_status.raw == {"status": "a", "note": "x" * LARGEST_RAW}


@pytest.mark.parametrize("task_id", ["null", "true", "123", "task_1", "007"])
def test_task_id_in_xml_is_text_whatever_it_looks_like(task_id: str) -> None:
    body = f"<xml><data><task_id>{task_id}</task_id></data></xml>"
    assert started_task_id(read(body.encode())) == task_id


@BOTH
def test_running_task_has_status_progress_and_no_result(suffix: str, sample: Sample) -> None:
    answer = task_answer(read(sample(f"tasks_status.running.{suffix}")))
    assert (answer.status.status, answer.status.progress) == ("running", 40)
    assert answer.result.value is None
    assert answer.status.raw["status"] == "running"


@pytest.mark.parametrize("status", ["queued", "success", "Что-то", "100", "null", "true"])
def test_unknown_status_is_no_error(status: str) -> None:
    """The names of statuses are an open set."""
    assert answer_of(status=status).status == TaskStatus(status=status, raw={"status": status})
    body = f"<xml><data><status>{status}</status></data></xml>"
    assert task_answer(read(body.encode())).status.status == status


@pytest.mark.parametrize("data", [{}, {"status": ""}, {"status": None}, {"status": 5}])
def test_answer_without_a_status_is_unreadable(data: dict[str, object]) -> None:
    with pytest.raises(UnreadableError, match=r"status|data"):
        answer_of(**data)


@pytest.mark.parametrize(
    ("sent", "progress"),
    [
        (None, None),
        (0, 0),
        (40, 40),
        (100, 100),
        (-5, -5),
        (250, 250),
        (2**53 + 1, 2**53 + 1),
        (40.7, 40),
        ("40", 40),
        ("40.7", 40),
        ("", None),
        ("half", None),
        ("nan", None),
        ("inf", None),
        ([], None),
        ({}, None),
        (10**400, 10**400),
    ],
)
def test_progress_is_a_whole_number_or_none(sent: object, progress: int | None) -> None:
    assert answer_of(status="running", progress=sent).status.progress == progress


def test_absent_progress_is_none() -> None:
    assert answer_of(status="running").status.progress is None


def test_raw_keeps_unknown_fields() -> None:
    data: dict[str, object] = {"status": "running", "stage": {"name": "emails", "of": [1, 2]}}
    assert answer_of(**data).status.raw == data


def test_boolean_progress_is_none() -> None:
    document = Document({"data": {"status": "running", "progress": True}}, textual=False)
    assert task_answer(document).status.progress is None


@pytest.mark.parametrize(
    "data",
    [
        {"status": "running"},
        {"status": "running", "progress": 40},
        {"status": "в очереди", "progress": None, "result": None},
        {"status": "completed", "result": []},
        {"status": "completed", "progress": 100, "result": [{"list_id": 1}]},
    ],
)
def test_usual_answer_is_read_in_one_step_to_the_same_value(data: dict[str, Plain]) -> None:
    body = json.dumps({"data": data, "error": 0, "error_text": "Successful operation"}).encode()
    usual = usual_task_answer(body)
    assert usual is not None
    assert usual.status == task_answer(read(body)).status
    assert usual.result == task_answer(read(body)).result


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<xml><data><status>running</status></data><error>0</error></xml>",
        b'{"data": {"status": "running"}, "error": 404}',
        b'{"data": {"status": "running"}}',
        b'{"data": {"status": ""}, "error": 0}',
        b'{"data": {"status": "running", "progress": "40"}, "error": 0}',
        b'{"data": {"status": "running", "eta": 5}, "error": 0}',
        b'{"data": {"status": "completed", "result": %b}, "error": 0}' % (b"[" * 65 + b"]" * 65),
        b'{"data": {"status": "completed", "result": ["\xff"]}, "error": 0}',
        b'{"data": {"status": "running"}, "error": 0, "x": ' + b"[" * 100_000,
        b'{"data": {"status": "\xff"}, "error": 0}',
    ],
)
def test_unusual_answer_is_not_read_in_one_step(body: bytes) -> None:
    assert usual_task_answer(body) is None


@settings(CORE)
@given(
    st.fixed_dictionaries(
        {"status": st.text() | st.none() | st.integers()},
        optional={
            "progress": st.integers() | st.floats() | st.none() | st.text(),
            "result": st.none() | st.lists(st.integers()),
            "other": st.text(),
        },
    ),
    st.integers(-1, 1) | st.text(max_size=2),
)
def test_answer_read_in_one_step_has_the_same_status(
    data: dict[str, object], error: object
) -> None:
    body = json.dumps({"data": data, "error": error}).encode()
    usual = usual_task_answer(body)
    if usual is not None:
        assert error == 0
        assert usual.status == task_answer(read(body)).status


@settings(CORE)
@given(st.binary(max_size=20), st.integers(0, 60))
def test_damaged_answer_read_in_one_step_can_be_shown(garbage: bytes, place: int) -> None:
    body = b'{"data":{"status":"running","progress":40},"error":0}'
    usual = usual_task_answer(body[:place] + garbage + body[place:])
    assert usual is None or usual.status.raw["status"] == usual.name
