"""`Feedback`, and refs as text."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altcraft_async.errors import ConfigurationError
from altcraft_async.models import Feedback, TaskKind, TaskRef
from altcraft_async.models.tasks import REF_VERSION

CORE = settings.get_profile("pure")
REF = TaskRef(
    task_id="task_1",
    kind="resource",
    target=(24, 1),
    started_at=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
)


@pytest.mark.parametrize("url", ["http://example.com", "https://example.com/a?b=c"])
def test_feedback_takes_http_and_https_as_json_by_default(url: str) -> None:
    assert (Feedback(url=url).url, Feedback(url=url).type) == (url, "JSON")
    assert Feedback(url=url, type="XML").type == "XML"


@pytest.mark.parametrize("url", ["", "example.com", "ftp://example.com", "/receiver"])
def test_feedback_to_another_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^feedback: url"):
        Feedback(url=url)


REFS = st.builds(
    TaskRef,
    task_id=st.text("aZ09-_.~/+=ж漢😀", min_size=1),
    kind=st.sampled_from(get_args(TaskKind)),
    target=st.none() | st.lists(st.integers(1, 2**63 - 1), max_size=3).map(tuple),
    started_at=st.none()
    | st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=5, minutes=30)))),
)


@pytest.mark.parametrize("text", ["\ud800", "\r\nX: 1", "\n", "\0", "\uffff", " ", "\u2028"])
def test_feedback_that_cannot_be_sent_is_refused_without_being_quoted(text: str) -> None:
    for url, kind in ((f"http://example.com/{text}", "JSON"), ("http://example.com", f"J{text}")):
        with pytest.raises(ConfigurationError, match=r"^feedback: ") as refused:
            Feedback(url=url, type=kind)
        assert str(refused.value).isascii()


@pytest.mark.parametrize(
    "task_id",
    ["", "a\nb", "a\r", "\0", "\x1b[2J", "\ud800", "\u2028", "\u202e", "a b", "x" * 201, None, 5],
)
def test_task_id_that_cannot_be_sent_or_printed_is_refused_without_being_quoted(
    task_id: str,
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        TaskRef(task_id=task_id)
    assert str(refused.value) in {
        "task_id: has to be a non-empty string",
        "task_id: has to be no longer than 200 characters",
        "task_id: has to be without spaces and control characters",
    }


@CORE
@given(REFS)
@example(REF)
def test_ref_round_trips_through_json_and_pickle(ref: TaskRef) -> None:
    stored = ref.to_json()
    assert "\n" not in stored
    assert TaskRef.from_json(stored) == ref
    assert TaskRef.from_json(stored.encode()) == ref
    assert pickle.loads(pickle.dumps(ref)) == ref  # noqa: S301 -- pickled right here
    assert hash(TaskRef.from_json(stored)) == hash(ref)


def test_stored_ref_has_a_version_and_its_fields_only() -> None:
    assert json.loads(REF.to_json()) == {
        "version": REF_VERSION,
        "task_id": "task_1",
        "kind": "resource",
        "target": [24, 1],
        "started_at": "2030-01-02T03:04:05Z",
    }


def test_ref_of_a_newer_library_with_more_fields_is_read() -> None:
    stored = json.dumps({**json.loads(REF.to_json()), "new": {"a": 1}})
    assert TaskRef.from_json(stored) == REF


def test_zero_time_of_a_ref_that_go_has_written_is_no_time() -> None:
    stored = '{"version": 1, "task_id": "x", "started_at": "0001-01-01T00:00:00Z"}'
    assert TaskRef.from_json(stored).started_at is None


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "null",
        "[]",
        "{}",
        "task_1",
        '{"version": 1}',
        '{"version": 2, "task_id": "x"}',
        '{"version": "1", "task_id": "x"}',
        '{"version": 1, "task_id": 5}',
        '{"version": 1, "task_id": "a\\nb"}',
        '{"version": 1, "task_id": "x", "kind": "campaign"}',
        '{"version": 1, "task_id": "x", "target": "24"}',
        '{"version": 1, "task_id": "x", "started_at": "now"}',
        '{"version": 1, "task_id": "x", "new": ' + "[" * 10_000,
        b"\xff\xfe",
        b'{"version": 1, "task_id": "\xff"}',
    ],
)
def test_text_that_is_no_stored_ref_is_refused(stored: str | bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"^stored: not what TaskRef\.to_json\(\) of v"):
        TaskRef.from_json(stored)


def test_lone_surrogate_is_refused_as_any_other_text() -> None:
    with pytest.raises(ConfigurationError):
        TaskRef.from_json("\ud800")


@CORE
@given(st.binary())
def test_any_bytes_are_refused(stored: bytes) -> None:
    with pytest.raises(ConfigurationError):
        TaskRef.from_json(stored)
