"""The counters in the result of a refresh."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import xmltodict
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.models import (
    CounterGroup,
    CountersReport,
    SubscriptionCounters,
    TaskKind,
    TaskRef,
)
from altcraft_async.protocol.codecs import Document, Plain, UnreadableError, read
from altcraft_async.protocol.counter_responses import counters_report
from altcraft_async.protocol.task_responses import TaskAnswer, task_answer

CORE = settings.get_profile("pure")
Sample = Callable[[str], bytes]
TASK_ID = "c9c3ec48-1bef-4969-9c1a-df39f0c179bb"
BARE = TaskRef(task_id=TASK_ID)
BOTH = pytest.mark.parametrize("suffix", ["json", "xml"])
NAMES = SubscriptionCounters.__struct_fields__


def report_of(body: bytes, ref: TaskRef = BARE) -> CountersReport:
    """Read the report in an answer of tasks/status."""
    return counters_report(task_answer(read(body)).result, ref)


def group_of(**fields: Plain) -> CounterGroup:
    """Read one group of JSON with these fields."""
    group: Plain = {"channels": [], "list_id": 1, **fields}
    return counters_report(Document([group], textual=False), BARE).groups[0]


def answer_of(**data: object) -> TaskAnswer:
    """Read an answer of tasks/status with this data."""
    return task_answer(read(json.dumps({"data": data, "error": 0}).encode()))


@BOTH
def test_documented_report_has_the_counters_of_the_page(suffix: str, sample: Sample) -> None:
    report = report_of(sample(f"tasks_status.completed.{suffix}"))
    zero = dict.fromkeys(NAMES, 0)
    assert report == CountersReport(
        (
            CounterGroup(
                database_id=1,
                channels={
                    "sms": SubscriptionCounters(**{**zero, "all": 1336}),
                    "push": SubscriptionCounters(**{**zero, "all": 1336}),
                    "email": SubscriptionCounters(
                        **{
                            **zero,
                            "all": 1336,
                            "hardbounced": 434,
                            "subscribed": 842,
                            "subscribed_sendable": 842,
                            "unsubscribed": 60,
                        }
                    ),
                },
                updated=datetime(2024, 4, 19, 13, 31, 8, 927000, UTC),
                last_count_time="counted at 2024-04-19T13:31:08Z in 231.374251ms",
            ),
        )
    )
    assert list(report) == ["email", "sms", "push"]  # in the order of every report
    assert report.groups[0].counted_at == datetime(2024, 4, 19, 13, 31, 8, tzinfo=UTC)
    assert report.groups[0].count_duration == timedelta(microseconds=231374)


@pytest.mark.parametrize("name", ["completed", "two_groups", "one_channel", "empty_elements"])
def test_same_report_in_both_formats_is_equal(name: str, sample: Sample) -> None:
    as_json, as_xml = (
        report_of(sample(f"tasks_status.{name}.{suffix}")) for suffix in ("json", "xml")
    )
    assert as_json == as_xml
    assert list(as_json.groups[0].channels) == list(as_xml.groups[0].channels)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "0001-01-01T03:00:00+03:00"])
def test_target_that_was_never_counted_has_no_time(at: str) -> None:
    group = group_of(updated=at, last_count_time=f"counted at {at} in 0s")
    assert (group.updated, group.counted_at, group.count_duration) == (None, None, None)


@BOTH
def test_report_of_two_groups_has_both_in_order(suffix: str, sample: Sample) -> None:
    first, second = report_of(sample(f"tasks_status.two_groups.{suffix}")).groups
    assert (first.database_id, second.database_id) == (7, 8)
    assert (first.in_progress, second.in_progress) == (False, True)
    assert second.refresh_task_id == "11111111-2222-3333-4444-555555555555"
    assert first.count_duration == timedelta(minutes=2, seconds=3.04)
    assert second.count_duration == timedelta(microseconds=850)


@BOTH
def test_counters_that_are_not_sent_are_none(suffix: str, sample: Sample) -> None:
    """Never zero."""
    report = report_of(sample(f"tasks_status.one_channel.{suffix}"))
    assert report.groups[0].resource_id == 3
    assert report.groups[0].last_count_time == ""
    assert report["email"] == SubscriptionCounters(subscribed_sendable=5, unconfirmed_sendable=0)
    assert report["email"].all is None


@BOTH
def test_empty_elements_are_empty_values(suffix: str, sample: Sample) -> None:
    """Null, an empty text and an empty list, by the type of the field."""
    group = report_of(sample(f"tasks_status.empty_elements.{suffix}")).groups[0]
    assert group == CounterGroup(database_id=7, channels={})


@pytest.mark.parametrize("result", [{}, {"result": None}, {"result": []}])
def test_completed_without_result_is_unreadable(result: dict[str, object]) -> None:
    """It is never a report of zeros."""
    with pytest.raises(UnreadableError, match="empty"):
        counters_report(answer_of(status="completed", **result).result, BARE)


@pytest.mark.parametrize("result", ["text", 5, [5], [{}], [{"list_id": 1}], {"urls": ["/x"]}])
def test_result_of_another_shape_is_unreadable(result: object) -> None:
    with pytest.raises(UnreadableError):
        counters_report(answer_of(status="completed", result=result).result, BARE)


def test_unknown_fields_are_skipped_and_unknown_channels_taken() -> None:
    group = group_of(
        extra={"a": [1]},
        channels=[{"channel": "pigeon", "extra": 1, "status": {"all": 3, "lost": 1}}],
    )
    assert group.channels == {"pigeon": SubscriptionCounters(all=3)}


@pytest.mark.parametrize("channel", [{}, {"channel": "email"}, {"channel": "", "status": {}}])
def test_channel_without_name_or_counters_is_unreadable(channel: Plain) -> None:
    with pytest.raises(UnreadableError, match=r"\$\[0\]\.channels\[0\]"):
        group_of(channels=[channel])


@pytest.mark.parametrize("counter", ["842 or so", -1, 2**63, 10**29, 1.5, True])
def test_wrong_counter_is_refused_by_its_path_without_its_value(counter: Plain) -> None:
    for name in NAMES:
        path = re.escape(f"$[0].channels[0].status.{name}`")
        with pytest.raises(UnreadableError, match=rf"{path}$") as caught:
            group_of(channels=[{"channel": "email", "status": {name: counter}}])
        assert str(counter) not in str(caught.value)


@pytest.mark.parametrize("counter", ["-1", str(2**63), "9" * 30, "9" * 5000, "1.5", "true", "many"])
def test_wrong_counter_in_xml_is_refused_by_its_path(counter: str) -> None:
    channel: Plain = {"channel": "email", "status": {"all": counter}}
    result = Document([{"channels": [channel]}], textual=True)
    with pytest.raises(UnreadableError, match=r"\$\[0\]\.channels\[0\]\.status\.all`$"):
        counters_report(result, BARE)


@pytest.mark.parametrize("counter", [0, 1, 2**63 - 1])
def test_counter_up_to_the_largest_of_go_is_taken(counter: int) -> None:
    """Go's int ends at 2^63 - 1."""
    group = group_of(channels=[{"channel": "email", "status": {"all": counter}}])
    assert group.channels["email"].all == counter


@pytest.mark.parametrize(
    ("kind", "target"),
    [("resource", (24, 1)), ("database", (1, 24)), ("segment", (5, 24, 1))],
)
def test_report_of_the_wanted_database_is_taken(kind: TaskKind, target: tuple[int, ...]) -> None:
    """The kind of a task says which id of its target is the database."""
    result = Document([{"channels": [], "list_id": 1}], textual=False)
    report = counters_report(result, TaskRef(task_id="x", kind=kind, target=target))
    assert report.groups[0].database_id == 1


@pytest.mark.parametrize(
    ("kind", "target"),
    [("resource", (1, 24)), ("database", (24, 1)), ("segment", (1, 24, 5))],
)
def test_report_of_another_database_is_unreadable(kind: TaskKind, target: tuple[int, ...]) -> None:
    """It may be the result of another task."""
    result = Document([{"channels": [], "list_id": 1}], textual=False)
    with pytest.raises(UnreadableError, match=r"of database 1, not of \d+"):
        counters_report(result, TaskRef(task_id="x", kind=kind, target=target))


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("unknown", None),
        ("resource", None),
        ("unknown", (24, 9)),
        ("segment", (5, 24)),
    ],
)
def test_report_of_any_database_is_taken_for_a_target_without_one(
    kind: TaskKind, target: tuple[int, ...] | None
) -> None:
    result = Document([{"channels": [], "list_id": 1}], textual=False)
    assert counters_report(result, TaskRef(task_id="x", kind=kind, target=target)).groups


def test_group_that_does_not_name_its_ids_gets_those_of_the_target() -> None:
    """The pages do not show list_id for every kind of task."""
    result = Document([{"channels": []}], textual=False)
    report = counters_report(result, TaskRef(task_id="x", kind="resource", target=(24, 1)))
    assert report.groups == (CounterGroup(database_id=1, resource_id=24, channels={}),)
    segment = counters_report(result, TaskRef(task_id="x", kind="segment", target=(7, 24)))
    assert segment.groups == (CounterGroup(database_id=None, resource_id=24, channels={}),)
    unknown = counters_report(result, BARE)
    assert unknown.groups == (CounterGroup(database_id=None, channels={}),)


@pytest.mark.parametrize(
    ("sent", "updated"),
    [
        ("2024-04-19T13:31:08.927Z", datetime(2024, 4, 19, 13, 31, 8, 927000, UTC)),
        ("2024-04-19T16:31:08+03:00", datetime(2024, 4, 19, 13, 31, 8, tzinfo=UTC)),
        ("", None),
        (None, None),
        ("yesterday", None),
    ],
)
def test_time_of_update_is_aware_or_none(sent: str | None, updated: datetime | None) -> None:
    assert group_of(updated=sent).updated == updated


FIGURE = st.none() | st.integers(0, 2**63 - 1)
# What XML can say: no control characters.
TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
) | st.sampled_from(["null", "true", "1", "0", "[]", "{}", "email", " ", "Shop "])
CHANNEL = st.fixed_dictionaries(
    {
        "channel": TEXT.filter(bool),
        "status": st.dictionaries(st.sampled_from(NAMES), FIGURE, min_size=1),
    },
    optional={"unknown": TEXT},
)
GROUP = st.fixed_dictionaries(
    {
        "channels": st.none()
        | st.lists(CHANNEL, max_size=3, unique_by=lambda channel: str(channel["channel"]))
    },
    optional={
        "list_id": FIGURE,
        "resource_id": FIGURE,
        "in_progress": st.none() | st.booleans(),
        "last_count_time": st.none() | TEXT,
        "refresh_task_id": st.none() | TEXT,
        "updated": st.none() | TEXT | st.datetimes().map(datetime.isoformat),
        "unknown": st.lists(TEXT),
    },
)


@CORE
@given(st.lists(GROUP, min_size=1, max_size=3))
def test_any_report_reads_equal_in_both_formats(groups: list[dict[str, object]]) -> None:
    data = {"status": "completed", "progress": 100, "result": groups}
    in_xml = {
        **data,
        # The vendor's pages show an empty list as one empty element.
        "result": [{**group, "channels": group["channels"] or None} for group in groups],
    }
    as_json = json.dumps({"data": data}).encode()
    as_xml = xmltodict.unparse({"xml": {"data": in_xml}}).encode()
    assert report_of(as_json) == report_of(as_xml)


def test_channel_without_any_counter_reads_equal_in_both_formats() -> None:
    as_json = b'{"data":{"status":"x","result":[{"channels":[{"channel":"a","status":{}}]}]}}'
    as_xml = (
        b"<xml><data><status>x</status><result><channels><channel>a</channel><status/></channels>"
        b"</result></data></xml>"
    )
    assert report_of(as_json) == report_of(as_xml)
