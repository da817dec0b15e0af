"""Answers of ``…/get_counters``."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from altcraft_async.models import CounterGroup, SubscriptionCounters
from altcraft_async.protocol.codecs import UnreadableError, read
from altcraft_async.protocol.counter_responses import LastCounters, last_counters, last_report

Sample = Callable[[str], bytes]
BOTH = pytest.mark.parametrize("suffix", ["json", "xml"])


@BOTH
def test_bare_channels_are_one_group_without_a_database(suffix: str, sample: Sample) -> None:
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
def test_groups_are_read_as_well_as_bare_channels(body: str) -> None:
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


def test_last_report_has_the_ids_of_the_request_where_the_answer_has_none() -> None:
    bare = CounterGroup(database_id=None, channels={})
    named = CounterGroup(database_id=7, resource_id=8, channels={})
    counters = LastCounters((bare, named), says_what_runs=False)
    report = last_report(counters, "resource", (24, 1))
    assert report.groups == (CounterGroup(database_id=1, resource_id=24, channels={}), named)
    static = last_report(counters, "segment", (7, 24))
    assert static.groups[0].database_id is None


@pytest.mark.parametrize("body", ['{"data": []}', '{"data": null}', "<xml><data/></xml>"])
def test_no_channels_are_a_group_without_channels(body: str) -> None:
    """A resource may have no channel at all."""
    assert last_counters(read(body.encode())).groups == (
        CounterGroup(database_id=None, channels={}),
    )


@pytest.mark.parametrize("body", ["{}", '{"data": 5}', '{"data": [{"all": 1}]}', '{"data": ["x"]}'])
def test_counters_of_another_shape_are_unreadable(body: str) -> None:
    with pytest.raises(UnreadableError):
        last_counters(read(body.encode()))
