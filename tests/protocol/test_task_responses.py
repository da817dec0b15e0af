"""From documented answers to models."""

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
    TaskStatus,
)
from altcraft_async.protocol.codecs import Document, Plain, UnreadableError, read
from altcraft_async.protocol.task_responses import (
    LastCounters,
    TaskAnswer,
    counters_report,
    last_counters,
    last_report,
    started_task_id,
    task_answer,
    usual_task_answer,
)

CORE = settings.get_profile("pure")


Sample = Callable[[str], bytes]

TASK_ID = "c9c3ec48-1bef-4969-9c1a-df39f0c179bb"
BARE = TaskRef(task_id=TASK_ID)
BOTH = pytest.mark.parametrize("suffix", ["json", "xml"])
NAMES = SubscriptionCounters.__struct_fields__


def report_of(body: bytes, ref: TaskRef = BARE) -> CountersReport:
    """Read the report out of an answer of tasks/status."""
    return counters_report(task_answer(read(body)).result, ref)


def group_of(**fields: Plain) -> CounterGroup:
    """Read one group of JSON with these fields."""
    group: Plain = {"channels": [], "list_id": 1, **fields}
    return counters_report(Document([group], textual=False), BARE).groups[0]


def answer_of(**data: object) -> TaskAnswer:
    """Read an answer of tasks/status with this data."""
    return task_answer(read(json.dumps({"data": data, "error": 0}).encode()))


@BOTH
def test_documented_start_gives_the_task_id(suffix: str, sample: Sample) -> None:
    """The answer to a start is the task's id, an opaque text."""
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
        b'{"data": [{"task_id": "x"}]}',
        b"<xml><data/></xml>",
        b"<xml><data><task_id/></data></xml>",
    ],
)
def test_start_without_a_task_id_is_unreadable(body: bytes) -> None:
    """A start that names no task cannot be waited for."""
    with pytest.raises(UnreadableError):
        started_task_id(read(body))


@pytest.mark.parametrize("task_id", ["null", "true", "123", "task_1", "007"])
def test_task_id_in_xml_is_text_whatever_it_looks_like(task_id: str) -> None:
    """A task id that looks like another type stays a text."""
    body = f"<xml><data><task_id>{task_id}</task_id></data></xml>"
    assert started_task_id(read(body.encode())) == task_id


@BOTH
def test_documented_report_has_the_figures_of_the_page(suffix: str, sample: Sample) -> None:
    """The vendor's completed task reads as printed."""
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
    assert list(report) == ["sms", "push", "email"]
    assert report.groups[0].counted_at == datetime(2024, 4, 19, 13, 31, 8, tzinfo=UTC)
    assert report.groups[0].count_duration == timedelta(microseconds=231374)


@pytest.mark.parametrize("name", ["completed", "two_groups", "one_channel", "empty_elements"])
def test_same_report_in_both_formats_is_equal(name: str, sample: Sample) -> None:
    """A report does not show in which format it came."""
    as_json, as_xml = (
        report_of(sample(f"tasks_status.{name}.{suffix}")) for suffix in ("json", "xml")
    )
    assert as_json == as_xml
    assert list(as_json.groups[0].channels) == list(as_xml.groups[0].channels)


@BOTH
def test_report_of_two_groups_keeps_both_in_order(suffix: str, sample: Sample) -> None:
    """Every group comes through, with a running recount where there is one."""
    first, second = report_of(sample(f"tasks_status.two_groups.{suffix}")).groups
    assert (first.database_id, second.database_id) == (7, 8)
    assert (first.in_progress, second.in_progress) == (False, True)
    assert second.refresh_task_id == "11111111-2222-3333-4444-555555555555"
    assert first.count_duration == timedelta(minutes=2, seconds=3.04)
    assert second.count_duration == timedelta(microseconds=850)


@BOTH
def test_segment_report_leaves_unsent_counters_none(suffix: str, sample: Sample) -> None:
    """What an endpoint does not send is None and never zero."""
    report = report_of(sample(f"tasks_status.one_channel.{suffix}"))
    assert report.groups[0].resource_id == 3
    assert report.groups[0].last_count_time == ""
    assert report["email"] == SubscriptionCounters(subscribed_sendable=5, unconfirmed_sendable=0)
    assert report["email"].all is None


@BOTH
def test_empty_elements_are_empty_values(suffix: str, sample: Sample) -> None:
    """Null, an empty text and an empty list each become what the model says."""
    group = report_of(sample(f"tasks_status.empty_elements.{suffix}")).groups[0]
    assert group == CounterGroup(database_id=7, channels={})


@BOTH
def test_running_task_has_status_progress_and_no_result(suffix: str, sample: Sample) -> None:
    """A task under way says how far it is."""
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
    """An answer of tasks/status has a status."""
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
        (40.7, 40),
        ("40", 40),
        ("40.7", 40),
        ("", None),
        ("half", None),
        ("nan", None),
        ("inf", None),
        ([], None),
        ({}, None),
        (10**400, None),
    ],
)
def test_progress_is_a_whole_number_or_none(sent: object, progress: int | None) -> None:
    """Progress that is no number is as good as none, and none of it is an error."""
    assert answer_of(status="running", progress=sent).status.progress == progress


def test_absent_progress_is_none() -> None:
    """A task need not say how far it is."""
    assert answer_of(status="running").status.progress is None


def test_raw_keeps_unknown_fields() -> None:
    """What the library does not know of stays within reach."""
    data: dict[str, object] = {"status": "running", "stage": {"name": "emails", "of": [1, 2]}}
    assert answer_of(**data).status.raw == data


@pytest.mark.parametrize("result", [{}, {"result": None}, {"result": []}])
def test_completed_without_result_is_unreadable(result: dict[str, object]) -> None:
    """Success without figures is an error and never a report of zeros."""
    with pytest.raises(UnreadableError, match="empty"):
        counters_report(answer_of(status="completed", **result).result, BARE)


@pytest.mark.parametrize("result", ["text", 5, [5], [{}], [{"list_id": 1}], {"urls": ["/x"]}])
def test_result_of_another_shape_is_unreadable(result: object) -> None:
    """The result of another kind of task is no report."""
    with pytest.raises(UnreadableError):
        counters_report(answer_of(status="completed", result=result).result, BARE)


def test_unknown_fields_and_channels_are_no_error() -> None:
    """New fields are skipped, and installs have channels of their own."""
    group = group_of(
        extra={"a": [1]},
        channels=[{"channel": "pigeon", "extra": 1, "status": {"all": 3, "lost": 1}}],
    )
    assert group.channels == {"pigeon": SubscriptionCounters(all=3)}


@pytest.mark.parametrize("channel", [{}, {"channel": "email"}, {"channel": "", "status": {}}])
def test_channel_without_name_or_counters_is_unreadable(channel: Plain) -> None:
    """A channel has a name and counters."""
    with pytest.raises(UnreadableError, match=r"\$\[0\]\.channels\[0\]"):
        group_of(channels=[channel])


@pytest.mark.parametrize("figure", ["842", -1, 2**63, 10**29, 1.5, True])
def test_counter_that_is_none_is_refused_by_its_path(figure: Plain) -> None:
    """A wrong figure is refused naming where it stands and not what it is."""
    for name in NAMES:
        path = re.escape(f"$[0].channels[0].status.{name}`")
        with pytest.raises(UnreadableError, match=rf"{path}$") as said:
            group_of(channels=[{"channel": "email", "status": {name: figure}}])
        assert str(figure) not in str(said.value)


@pytest.mark.parametrize("figure", ["-1", str(2**63), "9" * 30, "9" * 5000, "1.5", "true", "many"])
def test_counter_that_is_none_is_refused_in_xml_too(figure: str) -> None:
    """In XML a figure is the text of a number, and the same ones are refused."""
    channel: Plain = {"channel": "email", "status": {"all": figure}}
    result = Document([{"channels": [channel]}], textual=True)
    with pytest.raises(UnreadableError, match=r"\$\[0\]\.channels\[0\]\.status\.all`$"):
        counters_report(result, BARE)


@pytest.mark.parametrize("figure", [0, 1, 2**63 - 1])
def test_counter_up_to_the_largest_of_go_is_taken(figure: int) -> None:
    """Go's int ends at 2^63 - 1."""
    group = group_of(channels=[{"channel": "email", "status": {"all": figure}}])
    assert group.channels["email"].all == figure


@pytest.mark.parametrize(
    ("kind", "target"),
    [("resource", (24, 1)), ("database", (1, 24)), ("segment", (5, 24, 1))],
)
def test_report_of_the_wanted_database_is_taken(kind: TaskKind, target: tuple[int, ...]) -> None:
    """Where the database stands in a target depends on the kind of the task."""
    result = Document([{"channels": [], "list_id": 1}], textual=False)
    report = counters_report(result, TaskRef(task_id="x", kind=kind, target=target))
    assert report.groups[0].database_id == 1


@pytest.mark.parametrize(
    ("kind", "target"),
    [("resource", (1, 24)), ("database", (24, 1)), ("segment", (1, 24, 5))],
)
def test_report_of_another_database_is_unreadable(kind: TaskKind, target: tuple[int, ...]) -> None:
    """The result of somebody else's task is never taken for this one's."""
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
def test_report_is_taken_where_the_database_is_not_known(
    kind: TaskKind, target: tuple[int, ...] | None
) -> None:
    """A task that was attached by its bare id may be of any database."""
    result = Document([{"channels": [], "list_id": 1}], textual=False)
    assert counters_report(result, TaskRef(task_id="x", kind=kind, target=target)).groups


def test_group_that_does_not_name_its_database_is_taken() -> None:
    """The pages do not show list_id for every kind of task."""
    result = Document([{"channels": []}], textual=False)
    report = counters_report(result, TaskRef(task_id="x", kind="resource", target=(24, 1)))
    assert report.groups[0].database_id is None


@BOTH
def test_bare_channels_are_one_group_of_no_named_database(suffix: str, sample: Sample) -> None:
    """What was last counted comes as channels alone, and the request says of what."""
    (group,) = last_counters(read(sample(f"databases_get_counters.answer.{suffix}"))).groups
    assert (group.database_id, group.resource_id) == (None, None)
    assert list(group.channels) == ["email", "sms"]
    assert group.channels["email"].subscribed_sendable == 28
    (group,) = last_counters(read(sample(f"segments_get_counters.answer.{suffix}"))).groups
    assert group.channels["push"] == SubscriptionCounters(
        subscribed_sendable=3, unconfirmed_sendable=1
    )


@pytest.mark.parametrize(
    "body",
    [
        '{"data": [{"list_id": 7, "channels": [{"channel": "sms", "status": {"all": 1}}]}]}',
        '{"data": {"list_id": 7, "channels": [{"channel": "sms", "status": {"all": 1}}]}}',
        (
            "<xml><data><list_id>7</list_id><channels><channel>sms</channel>"
            "<status><all>1</all></status></channels></data></xml>"
        ),
    ],
)
def test_groups_are_read_where_bare_channels_are_documented(body: str) -> None:
    """The two shapes of the same figures are told apart by what is in them."""
    channels = {"sms": SubscriptionCounters(all=1)}
    assert last_counters(read(body.encode())).groups == (
        CounterGroup(database_id=7, channels=channels),
    )


@pytest.mark.parametrize(
    ("body", "says_what_runs"),
    [
        ('{"data": [{"channels": [], "in_progress": false}]}', True),
        ('{"data": [{"channels": [], "in_progress": true}]}', True),
        ("<xml><data><channels/><in_progress>false</in_progress></data></xml>", True),
        ('{"data": [{"channels": []}]}', False),
        ('{"data": [{"channels": [], "in_progress": null}]}', False),
        ('{"data": [{"channels": [], "in_progress": false}, {"channels": []}]}', False),
        ('{"data": []}', False),
    ],
)
def test_counters_say_what_runs_only_where_each_group_says_so(
    body: str, *, says_what_runs: bool
) -> None:
    assert last_counters(read(body.encode())).says_what_runs is says_what_runs


def test_what_a_last_count_leaves_unsaid_is_that_of_the_request() -> None:
    """The ids that come are kept, those that do not are filled in."""
    bare = CounterGroup(database_id=None, channels={})
    named = CounterGroup(database_id=7, resource_id=8, channels={})
    counters = LastCounters((bare, named), says_what_runs=False)
    report = last_report(counters, database_id=1, resource_id=24)
    assert report.groups == (CounterGroup(database_id=1, resource_id=24, channels={}), named)
    static = last_report(counters, database_id=None, resource_id=24)
    assert static.groups[0].database_id is None


@pytest.mark.parametrize("body", ['{"data": []}', '{"data": null}', "<xml><data/></xml>"])
def test_no_channels_are_a_group_without_any(body: str) -> None:
    """A resource may have no channel at all."""
    assert last_counters(read(body.encode())).groups == (
        CounterGroup(database_id=None, channels={}),
    )


@pytest.mark.parametrize("body", ["{}", '{"data": 5}', '{"data": [{"all": 1}]}', '{"data": ["x"]}'])
def test_counters_of_another_shape_are_unreadable(body: str) -> None:
    """What is neither channels nor groups is no report of zeros."""
    with pytest.raises(UnreadableError):
        last_counters(read(body.encode()))


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
    """What is no time is None, and a time has an offset."""
    assert group_of(updated=sent).updated == updated


FIGURE = st.none() | st.integers(0, 2**63 - 1)
# What XML can say: no control characters, and no white space around it.
TEXT = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))
    | st.sampled_from(["null", "true", "1", "0", "[]", "{}", "email"])
).map(str.strip)
CHANNEL = st.fixed_dictionaries(
    {
        "channel": TEXT.filter(bool),
        "status": st.dictionaries(st.sampled_from(NAMES), FIGURE, min_size=1),
    },
    optional={"unknown": TEXT},
)
GROUP = st.fixed_dictionaries(
    {"channels": st.none() | st.lists(CHANNEL, max_size=3)},
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
    """Whatever a report says, it says the same in JSON and XML."""
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
    """An empty status object is an empty element in XML, and all of its counters are None."""
    as_json = b'{"data":{"status":"x","result":[{"channels":[{"channel":"a","status":{}}]}]}}'
    as_xml = (
        b"<xml><data><status>x</status><result><channels><channel>a</channel><status/></channels>"
        b"</result></data></xml>"
    )
    assert report_of(as_json) == report_of(as_xml)


def test_truth_is_no_progress() -> None:
    """A boolean is not taken for a percentage."""
    document = Document({"data": {"status": "running", "progress": True}}, textual=False)
    assert task_answer(document).status.progress is None


@pytest.mark.parametrize(
    "data",
    [
        {"status": "running"},
        {"status": "running", "progress": 40},
        {"status": "в очереди", "progress": None, "result": None},
    ],
)
def test_usual_answer_is_read_in_one_step(data: dict[str, Plain]) -> None:
    """JSON of the documented fields needs no detour, and says the same without it."""
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
        b'{"data": {"status": "completed", "result": []}, "error": 0}',
        b'{"data": {"status": "running"}, "error": 0, "x": ' + b"[" * 100_000,
        b'{"data": {"status": "\xff"}, "error": 0}',
    ],
)
def test_any_other_answer_takes_the_long_way(body: bytes) -> None:
    """What is not as usual is left to the code that knows every case."""
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
def test_the_short_way_never_says_anything_else(data: dict[str, object], error: object) -> None:
    """An answer that is read in one step is read alike by the code that knows every case."""
    body = json.dumps({"data": data, "error": error}).encode()
    usual = usual_task_answer(body)
    if usual is not None:
        assert error == 0
        assert usual.status == task_answer(read(body)).status


@settings(CORE)
@given(st.binary(max_size=20), st.integers(0, 60))
def test_the_short_way_reads_no_garbage(garbage: bytes, place: int) -> None:
    """Whatever an answer is spoiled by, what was read of it can be shown."""
    body = b'{"data":{"status":"running","progress":40},"error":0}'
    usual = usual_task_answer(body[:place] + garbage + body[place:])
    assert usual is None or usual.status.raw["status"] == usual.name
