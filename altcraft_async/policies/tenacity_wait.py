"""tenacity's ways to wait, as poll policies."""

from __future__ import annotations

from collections.abc import Callable

import tenacity

from altcraft_async.policies.base import PollState

__all__ = ["TenacityWait"]


class TenacityWait:
    """Poll as a ``wait_…`` of tenacity says, for which each poll is an attempt.

    ```python
    from tenacity import wait_random_exponential
    from altcraft_async import AltcraftClient, TenacityWait

    poll = TenacityWait(wait_random_exponential(multiplier=0.5, max=20))
    patient = AltcraftClient("https://example.com", "token", poll=poll)
    ```
    """

    __slots__ = ("_wait",)

    def __init__(self, wait: Callable[[tenacity.RetryCallState], float]) -> None:
        """Take any of tenacity's waits that goes by the number of attempts."""
        self._wait = wait

    def next_poll(self, seen: PollState) -> float:
        """Return what the wait says after so many attempts."""
        state = tenacity.RetryCallState(tenacity.Retrying(), fn=None, args=(), kwargs={})
        state.attempt_number = seen.polls + 1
        return float(self._wait(state))
