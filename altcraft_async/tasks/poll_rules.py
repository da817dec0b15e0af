"""What the pollers of one client share, and the intervals that follow from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

import msgspec

from altcraft_async.errors import AltcraftError, PlatformUnavailableError
from altcraft_async.models import TaskRef
from altcraft_async.policies.base import (
    LONGEST_INTERVAL,
    SHORTEST_INTERVAL,
    FinishedTask,
    PollPolicy,
    poll_interval,
)
from altcraft_async.policies.callbacks import Callbacks
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.tasks.poll_state import Patience, Track, poll_state
from altcraft_async.tasks.scheduler import Scheduler
from altcraft_async.transport.context import ClientContext
from altcraft_async.transport.retry import backoff

__all__ = ["PollRules"]


class PollRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the pollers of a client share.

    Attributes:
        client: What all parts of the client share.
        scheduler: Runs the polls.
        poll: Sends one poll.
        policy: Decides when to poll next.
        learn: Tells the policy how a task went; ``None`` if it does not learn.
        on_end: Called with each task that is known to be over.
        patience: How long a wait goes on while polls fail.
        failure_statuses: Lower-case names of statuses that mean failure.
        mask: Masks the token in text that the server sent.
        callbacks: Counts how reliably the platform calls at the end of a task.
    """

    client: ClientContext
    scheduler: Scheduler
    poll: Callable[[str], Awaitable[TaskAnswer]]
    policy: PollPolicy
    learn: Callable[[FinishedTask], None] | None = None
    on_end: Callable[[TaskRef], None] | None = None
    patience: Patience
    failure_statuses: Collection[str]
    mask: Callable[[str], str]
    callbacks: Callbacks = msgspec.field(default_factory=Callbacks)

    def interval(self, track: Track, ref: TaskRef, now: float) -> float:
        """Return the seconds to the next poll by the policy."""
        return poll_interval(self.policy, poll_state(track, ref, now, self.client.random()))

    def interval_after(self, failure: AltcraftError, track: Track, ref: TaskRef) -> float:
        """Return the seconds to the next poll after one that failed.

        That is the delay of a retry; without retry budget, at least the policy's interval
        at the first failure in a row, as those after it say nothing about the task.
        A poll that was not sent needs no budget.
        """
        client = self.client
        retry = backoff(track.failures - 1, failure, client.retry, client.random())
        is_free = isinstance(failure, PlatformUnavailableError) or client.retry_budget.spend()
        usual = 0.0 if is_free else self.interval(track, ref, track.failing_since)
        return min(max(retry, usual, SHORTEST_INTERVAL), LONGEST_INTERVAL)
