"""Made-up counters of channels, and their growth from one refresh to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from altcraft_async.models import SubscriptionCounters
from altcraft_async.simulator.randomness import seeded_random


@dataclass(frozen=True, slots=True)
class GrowingCounters:
    """The counters of one channel of a resource, in one database.

    Attributes:
        profiles: Profiles in the database, reported as ``all``.
        subscribed: ``subscribed`` before the first refresh.
        unreachable: Subscribed profiles that are not sendable.
        growth: New subscriptions from one refresh to the next.
        growth_limit: Number of new subscriptions at which growth starts over,
            so that the sum of all statuses never exceeds ``profiles``.
        constants: The other counters.
    """

    profiles: int
    subscribed: int
    unreachable: int
    growth: int
    growth_limit: int
    constants: Mapping[str, int]

    def after(self, refreshes: int) -> SubscriptionCounters:
        """Return the counters after so many refreshes; no two in a row are equal."""
        subscribed = self.subscribed + refreshes * self.growth % self.growth_limit
        return SubscriptionCounters(
            all=self.profiles,
            subscribed=subscribed,
            subscribed_sendable=subscribed - self.unreachable,
            **self.constants,
        )


def draw_counters(
    seed: int, resource_id: int, database_id: int, channels: Sequence[str]
) -> dict[str, GrowingCounters]:
    """Draw the counters of each channel."""
    profiles = draw_profiles(seed, database_id)
    return {
        channel: _draw(seed, resource_id, database_id, channel, profiles) for channel in channels
    }


def draw_profiles(seed: int, database_id: int) -> int:
    """Draw the number of profiles in a database."""
    return seeded_random(seed, "profiles", database_id).randint(1_000, 200_000)


def draw_segment_share(seed: int, segment_id: int) -> float:
    """Draw the share of a database's profiles that a segment contains."""
    return seeded_random(seed, "segment", segment_id).uniform(0.1, 0.6)


def segment_counters(counters: SubscriptionCounters, share: float) -> SubscriptionCounters:
    """Return the two counters that the platform reports of a segment."""
    return SubscriptionCounters(
        subscribed_sendable=int((counters.subscribed_sendable or 0) * share),
        unconfirmed_sendable=int((counters.unconfirmed_sendable or 0) * share),
    )


def _draw(
    seed: int, resource_id: int, database_id: int, channel: str, profiles: int
) -> GrowingCounters:
    rng = seeded_random(seed, "audience", resource_id, database_id, channel)

    def part(low: float, high: float) -> int:
        return int(profiles * rng.uniform(low, high))

    subscribed = part(0.3, 0.6)
    unconfirmed = part(0.01, 0.05)
    return GrowingCounters(
        profiles=profiles,
        subscribed=subscribed,
        unreachable=int(subscribed * rng.uniform(0, 0.1)),
        growth=rng.randint(20, 60),
        growth_limit=profiles // 10,
        constants={
            "unsubscribed": part(0.02, 0.1),
            "complained": part(0, 0.01),
            "hardbounced": part(0.01, 0.08),
            "unconfirmed": unconfirmed,
            "unconfirmed_sendable": int(unconfirmed * rng.uniform(0.5, 1)),
            "suspended": part(0, 0.01),
            "invalid": part(0, 0.01),
        },
    )
