"""Counters per channel, and the report that a refresh returns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from altcraft_async.models.times import parse_go_duration, parse_time

__all__ = ["Count", "CounterGroup", "CountersReport", "SubscriptionCounters"]

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A counter or id in an answer; the vendor's samples are printed by Go, whose int ends there."""

_COUNT_SENTENCE = re.compile(r"counted at (?P<at>\S+) in (?P<took>\S+)")


class SubscriptionCounters(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many subscriptions of one channel are in which state.

    An endpoint that does not send a figure leaves it ``None``: segments send
    the two ``…_sendable`` ones alone.

    Attributes:
        all: As sent. Not defined by the vendor, and not the sum of the
            others: it is the same number in every channel of the sample.
        subscribed: May be messaged.
        unsubscribed: Opted out.
        complained: Reported spam.
        hardbounced: The address does not exist.
        unconfirmed: Double opt-in is not confirmed yet.
        suspended: Not messaged for the time being.
        invalid: Cannot be messaged for another reason.
        subscribed_sendable: As sent; not defined by the vendor.
        unconfirmed_sendable: As sent; not defined by the vendor.
    """

    all: Count | None = None
    subscribed: Count | None = None
    unsubscribed: Count | None = None
    complained: Count | None = None
    hardbounced: Count | None = None
    unconfirmed: Count | None = None
    suspended: Count | None = None
    invalid: Count | None = None
    subscribed_sendable: Count | None = None
    unconfirmed_sendable: Count | None = None


class CounterGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The counters of one profile database.

    Attributes:
        database_id: Profile database that was counted in.
        resource_id: Resource, where the endpoint names it (segments do).
        channels: Counters by channel name, in the order of the answer. The
            names are an open set: an install can define channels of its own.
        in_progress: Whether a recount is running, so that newer figures follow.
        refresh_task_id: Id of that recount, ``""`` where none is running.
        updated: When the figures were stored, aware; ``None`` where unsaid or
            not a time.
        last_count_time: The vendor's sentence on the last count, as sent.
    """

    database_id: int | None
    resource_id: int | None = None
    channels: Mapping[str, SubscriptionCounters]
    in_progress: bool = False
    refresh_task_id: str = ""
    updated: datetime | None = None
    last_count_time: str = ""

    @property
    def counted_at(self) -> datetime | None:
        """When the last count began, aware; ``None`` where `last_count_time` does not say."""
        said = _COUNT_SENTENCE.fullmatch(self.last_count_time)
        return parse_time(said["at"]) if said else None

    @property
    def count_duration(self) -> timedelta | None:
        """How long the last count took; ``None`` where `last_count_time` does not say."""
        said = _COUNT_SENTENCE.fullmatch(self.last_count_time)
        return parse_go_duration(said["took"]) if said else None


class CountersReport(msgspec.Struct, frozen=True):
    """What a refresh returns: ``report["email"].subscribed``.

    Every documented sample has one group, and then the report reads like a
    mapping from channel to counters. With another number of groups, go
    through ``groups``.

    Attributes:
        groups: One entry per profile database, as sent.
    """

    groups: tuple[CounterGroup, ...]

    @property
    def channels(self) -> Mapping[str, SubscriptionCounters]:
        """Counters by channel name, where there is one group.

        Raises:
            LookupError: There is none, or more than one: go through ``groups``.
        """
        if len(self.groups) != 1:
            msg = f"this report has {len(self.groups)} groups, not one: go through report.groups"
            raise LookupError(msg)
        return self.groups[0].channels

    def __getitem__(self, channel: str) -> SubscriptionCounters:
        """Return the counters of a channel; a ``KeyError`` names those there are."""
        channels = self.channels
        if channel not in channels:
            msg = f"no channel {channel!r} in this report, only {', '.join(channels) or 'none'}"
            raise KeyError(msg)
        return channels[channel]

    def __contains__(self, channel: object) -> bool:
        """Say whether the one group has this channel."""
        return channel in self.channels

    def __iter__(self) -> Iterator[str]:
        """Iterate over the channel names of the one group."""
        return iter(self.channels)
