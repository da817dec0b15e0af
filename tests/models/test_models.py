"""The values that people send and receive."""

from __future__ import annotations

import json
import math
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altcraft_async.errors import ConfigurationError, TransportError
from altcraft_async.models import (
    Completed,
    CounterGroup,
    CountersReport,
    Failed,
    Feedback,
    SubscriptionCounters,
    TaskKind,
    TaskRef,
    TaskStatus,
)
from altcraft_async.models.catalogue import (
    AccessGroup,
    Database,
    DatabaseDetails,
    Resource,
    ResourceDetails,
    Segment,
    SegmentDetails,
    SubscriptionField,
)
from altcraft_async.models.tasks import REF_VERSION
from altcraft_async.models.times import parse_go_duration, parse_time

CORE = settings.get_profile("pure")


NORTH = AccessGroup(id=2, name="north")
EMAIL = SubscriptionCounters(all=10, subscribed=8)
GROUP = CounterGroup(database_id=1, channels={"email": EMAIL, "sms": SubscriptionCounters()})
REPORT = CountersReport((GROUP,))
REF = TaskRef(
    task_id="task_1",
    kind="resource",
    target=(24, 1),
    started_at=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
)


@pytest.mark.parametrize(
    "value",
    [
        Feedback(url="https://example.com/receiver"),
        EMAIL,
        GROUP,
        REPORT,
        TaskStatus(status="running", progress=5, raw={"a": [1]}),
        REF,
        Completed(target=(24, 1), ref=REF, value=REPORT, polls=3, seconds=1.5),
        Failed(target="anything", ref=None, error=TransportError("reset", maybe_delivered=True)),
        NORTH,
        Resource(id=1, name="Shop", groups=(NORTH,)),
        ResourceDetails(id=1, channels=("email",), database_ids=(1, 2)),
        Database(id=1, tags=("own",), groups=(NORTH,)),
        DatabaseDetails(id=1, suppression_list_id=7),
        Segment(id=1, tags=("own",), groups=(NORTH,)),
        SegmentDetails(id=1, count=12, rules=({"limit": 5},)),
        SubscriptionField(name="_os", dictionary="oses"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_is_frozen_and_survives_pickling(value: msgspec.Struct) -> None:
    """Nobody changes a value, and it crosses process borders."""
    with pytest.raises(AttributeError):
        setattr(value, value.__struct_fields__[0], None)
    again: object = pickle.loads(pickle.dumps(value))  # noqa: S301 -- pickled right here
    if isinstance(again, Failed):
        assert isinstance(again.error, TransportError)
        assert (again.target, again.error.maybe_delivered) == ("anything", True)
        return
    assert again == value


@pytest.mark.parametrize("url", ["http://example.com", "https://example.com/a?b=c"])
def test_feedback_to_a_web_address_is_taken(url: str) -> None:
    """Feedback goes to http and https, as JSON unless said otherwise."""
    assert (Feedback(url=url).url, Feedback(url=url).type) == (url, "JSON")
    assert Feedback(url=url, type="XML").type == "XML"


@pytest.mark.parametrize("url", ["", "example.com", "ftp://example.com", "/receiver"])
def test_feedback_to_nowhere_is_refused(url: str) -> None:
    """What could never be called is refused under the name of the argument."""
    with pytest.raises(ConfigurationError, match=r"^feedback: url"):
        Feedback(url=url)


def test_report_of_one_group_reads_as_a_mapping_of_channels() -> None:
    """With one group, channels are had by name, in the order of the answer."""
    assert REPORT["email"] is EMAIL
    assert list(REPORT) == ["email", "sms"]
    assert "email" in REPORT
    assert "viber" not in REPORT
    assert REPORT.channels == GROUP.channels


def test_missing_channel_names_those_there_are() -> None:
    """A KeyError helps whoever mistyped."""
    with pytest.raises(KeyError, match="no channel 'viber' in this report, only email, sms"):
        REPORT["viber"]


def test_missing_channel_of_an_empty_group_says_there_is_none() -> None:
    """A group without channels says so."""
    report = CountersReport((CounterGroup(database_id=1, channels={}),))
    with pytest.raises(KeyError, match="only none"):
        report["email"]


@pytest.mark.parametrize("groups", [(), (GROUP, GROUP)])
def test_report_of_another_number_of_groups_asks_to_choose(
    groups: tuple[CounterGroup, ...],
) -> None:
    """No group is picked in silence."""
    report = CountersReport(groups)
    for use in (
        lambda: report["email"],
        lambda: "email" in report,
        lambda: list(report),
        lambda: report.channels,
    ):
        with pytest.raises(LookupError, match=f"has {len(groups)} groups, not one") as said:
            use()
        assert not isinstance(said.value, KeyError)


@pytest.mark.parametrize(
    ("sentence", "at", "took"),
    [
        (
            "counted at 2024-04-19T13:31:08Z in 231.374251ms",
            datetime(2024, 4, 19, 13, 31, 8, tzinfo=UTC),
            timedelta(microseconds=231374),
        ),
        (
            "counted at 2024-04-19T13:31:08Z in soon",
            datetime(2024, 4, 19, 13, 31, 8, tzinfo=UTC),
            None,
        ),
        ("counted at noon in 1.5s", None, timedelta(seconds=1.5)),
        ("counted at noon in no time", None, None),
        ("never counted", None, None),
        ("counted at  in ", None, None),
        ("", None, None),
    ],
)
def test_sentence_on_the_last_count_is_read_where_it_can_be(
    sentence: str, at: datetime | None, took: timedelta | None
) -> None:
    """The vendor's sentence is free text, so each half may be unreadable on its own."""
    group = CounterGroup(database_id=1, channels={}, last_count_time=sentence)
    assert (group.counted_at, group.count_duration) == (at, took)
    assert group.last_count_time == sentence


@CORE
@given(st.text() | st.builds("counted at {} in {}".format, st.text(), st.text()))
def test_no_sentence_on_the_last_count_raises(sentence: str) -> None:
    """Any text at all may stand there."""
    group = CounterGroup(database_id=1, channels={}, last_count_time=sentence)
    assert group.counted_at is None or group.counted_at.tzinfo
    assert group.count_duration is None or isinstance(group.count_duration, timedelta)


@pytest.mark.parametrize("digits", range(10))
def test_fraction_of_0_to_9_digits_is_read_to_microseconds(digits: int) -> None:
    """Go trims trailing zeros, and what is finer than a microsecond is cut."""
    fraction = "123456789"[:digits]
    at = parse_time(f"2024-04-19T13:31:08{'.' * bool(digits)}{fraction}Z")
    microseconds = int(fraction.ljust(6, "0")[:6])
    assert at == datetime(2024, 4, 19, 13, 31, 8, microseconds, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-04-19T13:31:08", datetime(2024, 4, 19, 13, 31, 8, tzinfo=UTC)),
        ("2024-04-19T15:31:08+02:00", datetime(2024, 4, 19, 13, 31, 8, tzinfo=UTC)),
        ("", None),
        ("now", None),
        ("2024-13-19T13:31:08Z", None),
        ("2024-04-19T25:31:08Z", None),
        ("2024-04-19T13:31:08+99:00", None),
        ("99999-04-19T13:31:08Z", None),
        ("1713533468", None),
    ],
)
def test_time_is_aware_or_none(text: str, at: datetime | None) -> None:
    """A time without offset is UTC, and what is no time is None."""
    parsed = parse_time(text)
    assert parsed == at
    assert parsed is None or parsed.tzinfo


@CORE
@given(st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=-5)))))
def test_any_time_round_trips(at: datetime) -> None:
    """A time that Python writes is read as the same time."""
    assert parse_time(at.isoformat()) == at


@CORE
@given(st.text() | st.text(alphabet="0123456789-:.TZ+W ", max_size=30))
@example("9" * 5000)
@example("\ud800")
@example("2024-04-19\ud80013:31:08Z")
def test_no_text_makes_parse_time_raise(text: str) -> None:
    """Whatever stands where a time should be is an aware time or None."""
    parsed = parse_time(text)
    assert parsed is None or parsed.tzinfo


@pytest.mark.parametrize(
    ("text", "took"),
    [
        ("0s", timedelta()),
        ("0", timedelta()),
        ("90ns", timedelta()),
        ("850µs", timedelta(microseconds=850)),
        ("850μs", timedelta(microseconds=850)),
        ("850us", timedelta(microseconds=850)),
        ("231.374251ms", timedelta(microseconds=231374)),
        ("1.5s", timedelta(seconds=1.5)),
        ("2m3.04s", timedelta(minutes=2, seconds=3.04)),
        ("1h0m2s", timedelta(hours=1, seconds=2)),
        ("-1m30s", timedelta(seconds=-90)),
        (".5s", timedelta(seconds=0.5)),
        ("1.s", timedelta(seconds=1)),
        ("", None),
        ("-", None),
        ("5", None),
        ("s", None),
        (".s", None),
        ("1.5.5s", None),
        ("1d", None),
        ("1 s", None),
        ("soon", None),
        ("9" * 400 + "s", None),
        ("-" + "9" * 15 + "h", None),
    ],
)
def test_duration_of_go_is_read(text: str, took: timedelta | None) -> None:
    """A duration as Go prints it is a timedelta, and anything else None."""
    assert parse_go_duration(text) == took


def printed_by_go(nanoseconds: int) -> str:
    """Print a duration as Go's time.Duration.String() does."""

    def trimmed(number: int, digits: int) -> str:
        whole, part = divmod(number, 10**digits)
        return f"{whole}.{part:0{digits}}".rstrip("0").rstrip(".") if digits else str(whole)

    sign, left = "-" * (nanoseconds < 0), abs(nanoseconds)
    if left == 0:
        return "0s"
    for unit, digits in (("ns", 0), ("µs", 3), ("ms", 6)):
        if left < 10 ** (digits + 3):
            return f"{sign}{trimmed(left, digits)}{unit}"
    minutes, seconds = divmod(left, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{trimmed(seconds, 9)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else f"{sign}{text}"


YEAR = 366 * 86400 * 10**9  # in nanoseconds


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (1, "1ns"),
        (1100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (245_000_000_000, "4m5s"),
        (245_001_000_000, "4m5.001s"),
        (18_367_001_000_000, "5h6m7.001s"),
        (480_000_000_001, "8m0.000000001s"),
        (2**63 - 1, "2562047h47m16.854775807s"),
        (-(2**63), "-2562047h47m16.854775808s"),
    ],
)
def test_durations_are_printed_here_as_by_go(nanoseconds: int, text: str) -> None:
    """The reference that these tests print with agrees with the table of Go's own tests."""
    assert printed_by_go(nanoseconds) == text


@CORE
@given(st.integers(-YEAR // 1000, YEAR // 1000))
def test_whole_microseconds_printed_by_go_round_trip(microseconds: int) -> None:
    """Up to a year, what Go prints of whole microseconds is read exactly."""
    took = timedelta(microseconds=microseconds)
    assert parse_go_duration(printed_by_go(microseconds * 1000)) == took


@CORE
@given(st.integers(-(10**12), 10**12) | st.integers(-YEAR, YEAR))
def test_nanoseconds_printed_by_go_are_read_to_the_microsecond(nanoseconds: int) -> None:
    """What is finer than a microsecond is rounded."""
    took = parse_go_duration(printed_by_go(nanoseconds))
    assert took is not None
    assert abs(took // timedelta(microseconds=1) - nanoseconds / 1000) <= 1


def test_longest_duration_of_go_is_read_to_the_microsecond() -> None:
    """Go's longest duration, of 292 years, is read exactly too."""
    took = timedelta(hours=2562047, minutes=47, seconds=16, microseconds=854775)
    assert parse_go_duration("2562047h47m16.854775s") == took


@CORE
@given(st.text() | st.text(alphabet="0123456789.-hmsµμun", max_size=30))
@example("9" * 5000 + "h")
@example("٣s")
def test_no_text_makes_parse_go_duration_raise(text: str) -> None:
    """Whatever stands where a duration should be is a timedelta or None."""
    took = parse_go_duration(text)
    assert took is None or math.isfinite(took.total_seconds())


REFS = st.builds(
    TaskRef,
    task_id=st.text(st.characters(exclude_categories=["Cs"])),
    kind=st.sampled_from(get_args(TaskKind)),
    target=st.none() | st.lists(st.integers(1, 2**63 - 1), max_size=3).map(tuple),
    started_at=st.none()
    | st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=5, minutes=30)))),
)


@CORE
@given(REFS)
@example(REF)
def test_ref_round_trips_through_json_and_pickle(ref: TaskRef) -> None:
    """A ref that was stored comes back equal, from text and from bytes."""
    stored = ref.to_json()
    assert "\n" not in stored
    assert TaskRef.from_json(stored) == ref
    assert TaskRef.from_json(stored.encode()) == ref
    assert pickle.loads(pickle.dumps(ref)) == ref  # noqa: S301 -- pickled right here
    assert hash(TaskRef.from_json(stored)) == hash(ref)


def test_stored_ref_has_a_version_and_no_more_than_its_fields() -> None:
    """The stored form is a promise, and there is no token in it."""
    assert json.loads(REF.to_json()) == {
        "version": REF_VERSION,
        "task_id": "task_1",
        "kind": "resource",
        "target": [24, 1],
        "started_at": "2030-01-02T03:04:05Z",
    }


def test_ref_of_a_newer_library_with_more_fields_is_read() -> None:
    """Within a version, fields may be added."""
    stored = json.dumps({**json.loads(REF.to_json()), "new": {"a": 1}})
    assert TaskRef.from_json(stored) == REF


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
        '{"version": 1, "task_id": "x", "kind": "campaign"}',
        '{"version": 1, "task_id": "x", "target": "24"}',
        '{"version": 1, "task_id": "x", "started_at": "now"}',
        '{"version": 1, "task_id": "x", "new": ' + "[" * 10_000,
        b"\xff\xfe",
        b'{"version": 1, "task_id": "\xff"}',
    ],
)
def test_what_is_no_stored_ref_is_refused(stored: str | bytes) -> None:
    """Another text, or a ref of another version, is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match=r"^stored: not what TaskRef\.to_json\(\) of v"):
        TaskRef.from_json(stored)


def test_text_that_is_no_unicode_is_refused_as_any_other() -> None:
    """A lone surrogate in a str is no other error."""
    with pytest.raises(ConfigurationError):
        TaskRef.from_json("\ud800")


@CORE
@given(st.binary())
def test_any_bytes_are_a_ref_or_refused(stored: bytes) -> None:
    """Nothing but a ConfigurationError comes of bytes."""
    with pytest.raises(ConfigurationError):
        TaskRef.from_json(stored)


def test_date_alone_is_no_time() -> None:
    """A day without an hour is not taken for midnight."""
    assert parse_time("2024-04-19") is None
