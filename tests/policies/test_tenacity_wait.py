"""tenacity's waits as poll policies."""

from __future__ import annotations

import pytest
import tenacity

from altcraft_async.policies.base import PollState
from altcraft_async.policies.tenacity_wait import TenacityWait


@pytest.mark.parametrize(
    ("wait", "intervals"),
    [
        (tenacity.wait_fixed(3), [3, 3, 3]),
        (tenacity.wait_exponential(multiplier=1, max=3), [1, 2, 3]),
        (tenacity.wait_incrementing(start=1, increment=2), [1, 3, 5]),
        (tenacity.wait_fixed(1) + tenacity.wait_fixed(2), [3, 3, 3]),
    ],
)
def test_each_poll_counts_as_an_attempt(
    wait: tenacity.wait.wait_base, intervals: list[float]
) -> None:
    policy = TenacityWait(wait)
    states = [PollState(waited=polls * 10.0, polls=polls) for polls in range(3)]
    assert [policy.next_poll(state) for state in states] == intervals
