"""Waits of tenacity as poll policies."""

from __future__ import annotations

import pytest
import tenacity

from altcraft_async import PollState, TenacityWait


@pytest.mark.parametrize(
    ("wait", "delays"),
    [
        (tenacity.wait_fixed(3), [3, 3, 3]),
        (tenacity.wait_exponential(multiplier=1, max=3), [1, 2, 3]),
        (tenacity.wait_incrementing(start=1, increment=2), [1, 3, 5]),
        (tenacity.wait_fixed(1) + tenacity.wait_fixed(2), [3, 3, 3]),
    ],
)
def test_wait_of_tenacity_takes_each_poll_as_an_attempt(
    wait: tenacity.wait.wait_base, delays: list[float]
) -> None:
    policy = TenacityWait(wait)
    states = [PollState(waited=polls * 10.0, polls=polls) for polls in range(3)]
    assert [policy.next_poll(state) for state in states] == delays
