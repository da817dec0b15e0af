"""Uses a wait of tenacity as a poll policy."""

from __future__ import annotations

from collections.abc import Callable

import tenacity

from altcraft_async.policies.base import PollState

__all__ = ["TenacityWait"]


class TenacityWait:
    """Poll as a ``wait_…`` of tenacity says; each poll counts as an attempt.

    ```python
    from tenacity import wait_random_exponential
    from altcraft_async import AltcraftClient, TenacityWait

    poll = TenacityWait(wait_random_exponential(multiplier=0.5, max=20))
    patient = AltcraftClient("https://example.com", "token", poll=poll)
    ```
    """

    __slots__ = ("_wait",)

    def __init__(self, wait: Callable[[tenacity.RetryCallState], float]) -> None:
        """Take a wait of tenacity that depends on the number of attempts."""
        self._wait = wait

    def next_poll(self, state: PollState) -> float:
        """Return what the wait says after so many attempts."""
        call = tenacity.RetryCallState(tenacity.Retrying(), fn=None, args=(), kwargs={})
        call.attempt_number = state.polls + 1
        return float(self._wait(call))
