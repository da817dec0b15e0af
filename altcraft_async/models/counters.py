"""The counters of each channel, and the report that a refresh returns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from altcraft_async.models.counter_row import CounterRow
from altcraft_async.models.targets import TaskKind
from altcraft_async.models.times import parse_go_duration, parse_time

__all__ = ["Count", "CounterGroup", "CountersReport", "SubscriptionCounters", "channel_order"]

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A counter or id in an answer; the vendor's samples come from Go, whose largest int this is."""

_CHANNELS = ("email", "sms", "push", "notify", "viber", "whatsapp", "telegram_bot")  # documented

_COUNT_SENTENCE = re.compile(r"counted at (?P<at>\S+) in (?P<took>\S+)")


class SubscriptionCounters(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How many subscriptions of one channel are in which state.

    A counter that was not sent is ``None``: segments have the two
    ``…_sendable`` ones only.

    Attributes:
        all: As sent; the vendor does not define it. It is no sum of the others:
            every channel of the sample has the same number.
        subscribed: May be messaged.
        unsubscribed: Opted out.
        complained: Reported spam.
        hardbounced: The address does not exist.
        unconfirmed: Double opt-in is not confirmed yet.
        suspended: Not messaged for the time being.
        invalid: Cannot be messaged for another reason.
        subscribed_sendable: As sent; the vendor does not define it.
        unconfirmed_sendable: As sent; the vendor does not define it.
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
        database_id: The profile database.
        resource_id: The resource; ``None`` where the answer does not name it.
        channels: Counters by channel name, in one order everywhere: the documented
            ones as the vendor lists them, then others by name. The names are an
            open set: an install can define channels of its own.
        in_progress: Whether a refresh is running, so that newer counters follow.
        refresh_task_id: Id of that refresh, ``""`` where none is running; as one short line.
        updated: When the counters were stored, aware; ``None`` where missing,
            Go's zero time or not a time.
        last_count_time: The vendor's sentence on the last refresh, as one short line.
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
        """When the last refresh began, aware; ``None`` where `last_count_time` does not say."""
        match = _COUNT_SENTENCE.fullmatch(self.last_count_time)
        return parse_time(match["at"]) if match else None

    @property
    def count_duration(self) -> timedelta | None:
        """How long the last refresh took; ``None`` where `last_count_time` does not say."""
        match = _COUNT_SENTENCE.fullmatch(self.last_count_time)
        # The zero duration comes with the zero time; no refresh takes none.
        return (parse_go_duration(match["took"]) or None) if match else None


class CountersReport(msgspec.Struct, frozen=True):
    """What a refresh returns: ``report["email"].subscribed``.

    With one group, as in every documented sample, the report reads like a
    mapping from channel to counters. With another number, iterate over ``groups``.

    Attributes:
        groups: One entry per profile database, as sent, with the ids of the
            target where the answer has none.
        kind: What was refreshed or read.
        target: Its ids; ``None`` where unknown.
        refreshed_at: When the start of the refresh was answered, aware, by this
            machine's clock; ``None`` where unknown, and for counters that were only read.
    """

    groups: tuple[CounterGroup, ...]
    kind: TaskKind = "unknown"
    target: tuple[int, ...] | None = None
    refreshed_at: datetime | None = None

    @property
    def channels(self) -> Mapping[str, SubscriptionCounters]:
        """Counters by channel name, where there is one group.

        Raises:
            LookupError: There is another number of groups.
        """
        if len(self.groups) != 1:
            msg = f"this report has {len(self.groups)} groups, not one: iterate over report.groups"
            raise LookupError(msg)
        return self.groups[0].channels

    def __getitem__(self, channel: str) -> SubscriptionCounters:
        """Return the counters of a channel; a ``KeyError`` names the others."""
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

    def rows(self, *, name: str | None = None) -> list[CounterRow]:
        """Return a flat row per group and channel, channel by channel.

        Args:
            name: Name of what was refreshed, for the column `CounterRow.name`.
        """
        segment_id = self.target[0] if self.kind == "segment" and self.target else None
        return [
            CounterRow._make(
                (
                    self.kind,
                    group.resource_id,
                    group.database_id,
                    segment_id,
                    name,
                    channel,
                    *msgspec.structs.astuple(counters),
                    group.counted_at,
                    group.updated,
                    self.refreshed_at,
                )
            )
            for group in self.groups
            for channel, counters in group.channels.items()
        ]


def channel_order(name: str) -> tuple[int, str]:
    """Return a key that sorts channels, as answers have them in any order."""
    return (_CHANNELS.index(name) if name in _CHANNELS else len(_CHANNELS), name)
