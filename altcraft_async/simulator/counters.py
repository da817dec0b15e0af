"""The made-up people who subscribed, and how their number grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from altcraft_async.models import SubscriptionCounters
from altcraft_async.simulator.randomness import dice


@dataclass(frozen=True, slots=True)
class Audience:
    """The subscriptions of one channel of a resource, in one database.

    Attributes:
        profiles: Profiles in the database, reported as ``all``.
        subscribed: Subscribed before the first refresh.
        unreachable: Those of the subscribed who are not sendable.
        newcomers: Who subscribe from one refresh to the next.
        room: How many may come before the count starts over, so that the
            subscribed never outnumber the profiles.
        others: The remaining figures, which stay as they are.
    """

    profiles: int
    subscribed: int
    unreachable: int
    newcomers: int
    room: int
    others: Mapping[str, int]

    def counters(self, refreshes: int) -> SubscriptionCounters:
        """Return the figures after so many refreshes; no two in a row are equal."""
        subscribed = self.subscribed + refreshes * self.newcomers % self.room
        return SubscriptionCounters(
            all=self.profiles,
            subscribed=subscribed,
            subscribed_sendable=subscribed - self.unreachable,
            **self.others,
        )


def draw_audiences(
    seed: int, resource_id: int, database_id: int, channels: Sequence[str]
) -> dict[str, Audience]:
    """Draw the audience of each channel; the database's size is the same for every resource."""
    profiles = draw_profiles(seed, database_id)
    return {
        channel: _draw(seed, resource_id, database_id, channel, profiles) for channel in channels
    }


def draw_profiles(seed: int, database_id: int) -> int:
    """Draw how many profiles are in a database."""
    return dice(seed, "profiles", database_id).randint(1_000, 200_000)


def segment_share(seed: int, segment_id: int) -> float:
    """Draw which share of a database's subscribers is in a segment."""
    return dice(seed, "segment", segment_id).uniform(0.1, 0.6)


def in_segment(counters: SubscriptionCounters, share: float) -> SubscriptionCounters:
    """Return the two figures that the platform reports of a segment."""
    return SubscriptionCounters(
        subscribed_sendable=int((counters.subscribed_sendable or 0) * share),
        unconfirmed_sendable=int((counters.unconfirmed_sendable or 0) * share),
    )


def _draw(seed: int, resource_id: int, database_id: int, channel: str, profiles: int) -> Audience:
    rng = dice(seed, "audience", resource_id, database_id, channel)

    def some(low: float, high: float) -> int:
        return int(profiles * rng.uniform(low, high))

    subscribed = some(0.3, 0.6)
    unconfirmed = some(0.01, 0.05)
    return Audience(
        profiles=profiles,
        subscribed=subscribed,
        unreachable=int(subscribed * rng.uniform(0, 0.1)),
        newcomers=rng.randint(20, 60),
        room=profiles // 10,
        others={
            "unsubscribed": some(0.02, 0.1),
            "complained": some(0, 0.01),
            "hardbounced": some(0.01, 0.08),
            "unconfirmed": unconfirmed,
            "unconfirmed_sendable": int(unconfirmed * rng.uniform(0.5, 1)),
            "suspended": some(0, 0.01),
            "invalid": some(0, 0.01),
        },
    )
