"""The values people send and receive: frozen, comparable, picklable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Generic, Literal, TypeVar, cast

import msgspec

from altcraft_async.errors import AltcraftError, ConfigurationError

__all__ = [
    "Completed",
    "CounterGroup",
    "CountersReport",
    "Failed",
    "Feedback",
    "SubscriptionCounters",
    "TaskKind",
    "TaskRef",
    "TaskStatus",
]

T_co = TypeVar("T_co", covariant=True)

TaskKind = Literal["resource", "database", "segment", "unknown"]
"""What a task counts; ``"unknown"`` for a task that was attached by its bare id."""

REF_VERSION = 1
"""Stands in the JSON form of a ref, goes up when an older reader would misread a newer one."""


Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A figure or id that arrives; the vendor's samples are printed by Go, whose int ends there."""


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """Where the platform shall report when the counters are refreshed.

    The vendor documents the request only: what is sent to the URL, how, and
    whether it is repeated is not. So take it as a hint and poll all the same.

    Attributes:
        url: Address that the platform calls.
        type: How to send; ``"JSON"`` is the only documented value.
    """

    url: str
    type: str = "JSON"

    def __post_init__(self) -> None:
        """Refuse what could never be called."""
        # Annotated as texts, yet what comes from a configuration may be anything.
        url, name = cast("tuple[object, object]", (self.url, self.type))
        is_address = isinstance(url, str) and url.startswith(("http://", "https://"))
        if not (is_address and name and isinstance(name, str)):
            msg = "feedback: url has to be an http:// or https:// address, and type a text"
            raise ConfigurationError(msg)


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


class TaskStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the server said of a task, once.

    Attributes:
        status: As sent. Only ``completed`` (and, once, ``success``) is
            documented, so every other name counts as running unless it is
            one of the client's ``failure_statuses``.
        progress: As sent, evidently percent; ``None`` where missing or no number.
        raw: The answer's ``data`` as it came, unknown fields included.
    """

    status: str
    progress: int | None = None
    raw: Mapping[str, object] = {}


class TaskRef(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="version", tag=REF_VERSION
):
    """A started task that can be stored, sent elsewhere and attached again.

    It never holds the API token.

    Attributes:
        task_id: Opaque id, as the server gave it.
        kind: What is being counted.
        target: Ids of what is being counted, as a target of ``refresh_many``;
            ``None`` where unknown.
        started_at: When the start was answered, by this machine's clock;
            ``None`` where unknown.
    """

    task_id: str
    kind: TaskKind = "unknown"
    target: tuple[int, ...] | None = None
    started_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    def to_json(self) -> str:
        """Return the ref as one line of JSON, for `from_json`."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, stored: str | bytes) -> TaskRef:
        """Read back what `to_json` wrote.

        Raises:
            ConfigurationError: It is something else, or of another version.
        """
        try:
            return msgspec.json.decode(stored, type=cls)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError) as refused:
            reason = str(refused)
        msg = f"stored: not what TaskRef.to_json() of version {REF_VERSION} writes ({reason})"
        raise ConfigurationError(msg)


class Completed(msgspec.Struct, Generic[T_co], frozen=True, kw_only=True):
    """One target of ``refresh_many``, refreshed.

    Attributes:
        target: As given, as a tuple of ints.
        ref: The task that did it.
        value: Its result.
        polls: How many polls it took.
        seconds: From the start's answer to the result, as seen from here.
    """

    target: tuple[int, ...]
    ref: TaskRef
    value: T_co
    polls: int
    seconds: float


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """One target of ``refresh_many`` that gave no result.

    Attributes:
        target: As given, however wrong; as a tuple of ints once it was started.
        ref: The task, ``None`` where the start itself failed.
        error: Why; pass it to ``raise`` or poll its fields.
    """

    target: object
    ref: TaskRef | None
    error: AltcraftError


_COUNT_SENTENCE = re.compile(r"counted at (?P<at>\S+) in (?P<took>\S+)")

# Microseconds in Go's units, of which both micro signs occur in the wild.
_GO_UNITS = {
    "h": Decimal(3_600_000_000),
    "m": Decimal(60_000_000),
    "s": Decimal(1_000_000),
    "ms": Decimal(1_000),
    "µs": Decimal(1),
    "μs": Decimal(1),
    "us": Decimal(1),
    "ns": Decimal("0.001"),
}
_GO_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|µs|μs|us|ns)")
_GO_DURATION = re.compile(rf"-?(?:0|(?:{_GO_PART.pattern})+)")


def parse_time(text: str) -> datetime | None:
    """Read an RFC 3339 time as an aware one; ``None`` where it is none.

    A date alone is no time. A time without an offset is taken as UTC, which
    is what every documented sample says.
    """
    try:
        at = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    if ":" not in text:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def parse_go_duration(text: str) -> timedelta | None:
    """Read a duration as Go prints it (``2m3.04s``); ``None`` where it is none."""
    if not _GO_DURATION.fullmatch(text):
        return None
    parts = (Decimal(number) * _GO_UNITS[unit] for number, unit in _GO_PART.findall(text))
    try:
        duration = timedelta(microseconds=round(sum(parts)))
    except (OverflowError, InvalidOperation):
        return None
    return -duration if text.startswith("-") else duration
