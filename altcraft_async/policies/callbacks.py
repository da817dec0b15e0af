"""How far polls may rely on the platform to call when a task is over.

A `FeedbackReceiver` expects a call for each task that it watches. `Callbacks`
counts, for one client, how many of the newest expected calls came in time:

- A call came in time if it came before a poll found the task over, or shortly after.
- Otherwise the task was silent. A call that comes later changes nothing, because a
  poll had to find the task.
- A poll that finds the task running after a call voids the call: it was forged,
  meant another task, or was ahead of the status. Such a task is polled as without
  calls and counts neither way, so forged calls cannot make polls rely on calls.

`Callbacks.share` is what a poll policy gets. It is 0 until some dozens of tasks were
counted, if too few calls came, and after a few silences in a row, which start the count
anew. One task in so many is polled as without calls. It shows whether calls are still
as quick as polls, which cannot be seen where no poll is made before the call.

No clock and no event loop here: callers pass the time in.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

__all__ = ["Callbacks", "ExpectedCall"]

_ENOUGH = 32  # tasks that are counted before calls are relied upon
_NEWEST = 128  # tasks of which the share is
_LEAST_SHARE = 0.75  # below it, silences in a row would end the reliance again soon
_SILENCES = 4  # in a row; one call in ten lost leads to them once in ten thousand tasks
_CHECKED = 64  # one task in so many is polled as without calls

# A call is in time so long after a poll found the task over: a share of the time the task
# took, as polls find it later than that without progress, or what a request takes.
_GRACE_SHARE, _GRACE_SECONDS = 0.05, 0.25

_UNSETTLED = 1024  # newest tasks that wait for their call after a poll found them over


class _State(Enum):
    """What is known of one call."""

    UNSURE = "may have come before it was expected"
    EARLY = "came before the start returned, or was for an earlier task"
    AWAITED = "did not come"
    CAME = "came, and no poll was made since"
    VOID = "came, and the task was running"
    SILENT = "did not come before a poll found the task over"
    SETTLED = "is counted"


class Callbacks:
    """The expected calls of one client.

    Attributes:
        share: Share of the calls that come in time; 0 if polls may not rely on them.
    """

    __slots__ = ("_expected", "_newest", "_silences", "_unsettled", "share")

    def __init__(self) -> None:
        """Know nothing."""
        self.share = 0.0
        self._newest: deque[bool] = deque(maxlen=_NEWEST)
        self._unsettled: deque[ExpectedCall] = deque(maxlen=_UNSETTLED)
        self._silences = {True: 0, False: 0}  # in a row, of checked tasks and of others
        self._expected = 0

    def expect(self, *, sure: bool, early: bool) -> ExpectedCall:
        """Expect the call of a task.

        Args:
            sure: Whether the task cannot have ended before its calls were received.
            early: Whether a call has come already, perhaps for an earlier task.
        """
        self._expected += 1
        state = _State.UNSURE if not sure else _State.EARLY if early else _State.AWAITED
        return ExpectedCall(self, state, is_checked=self._expected % _CHECKED == 0)

    def settle(self, now: float) -> None:
        """Count the silent tasks for whose calls it is too late."""
        while self._unsettled and self._unsettled[0].is_over(now):
            self._unsettled.popleft()

    def wait_for(self, call: ExpectedCall) -> None:
        """Count this task later, when its call comes or is too late."""
        self._unsettled.append(call)

    def count(self, *, in_time: bool, is_checked: bool) -> None:
        """Count one task."""
        self._silences[is_checked] = 0 if in_time else self._silences[is_checked] + 1
        self._newest.append(in_time)
        if self._silences[is_checked] >= _SILENCES:
            self._newest.clear()
        # As if one more call had come and one more had not: no share is certain.
        share = (self._newest.count(True) + 1) / (len(self._newest) + 2)
        relies = len(self._newest) >= _ENOUGH and share >= _LEAST_SHARE
        self.share = share if relies else 0.0


class ExpectedCall:
    """The call that is expected for one task."""

    __slots__ = ("__weakref__", "_callbacks", "_deadline", "_is_checked", "_state")

    def __init__(self, callbacks: Callbacks, state: _State, *, is_checked: bool) -> None:
        """Expect a call; that of a checked task shows whether calls are as quick as polls."""
        self._callbacks = callbacks
        self._state = state
        self._is_checked = is_checked
        self._deadline = 0.0

    @property
    def share(self) -> float:
        """The share of calls that come in time; 0 if the polls of this task may not rely on it."""
        is_ahead = self._state in (_State.UNSURE, _State.EARLY, _State.AWAITED)
        return self._callbacks.share if is_ahead and not self._is_checked else 0.0

    @property
    def came(self) -> bool:
        """Whether a call has come and no poll was made since."""
        return self._state is _State.CAME

    def receive(self, now: float) -> None:
        """Note a call that may be for this task."""
        if self._state is _State.SILENT:
            self._count(in_time=now <= self._deadline)
        elif self._state in (_State.UNSURE, _State.EARLY, _State.AWAITED):
            self._state = _State.CAME

    def found_running(self) -> None:
        """Note that a poll, begun after the newest call, found the task running."""
        if self._state is _State.CAME:
            self._state = _State.VOID
        elif self._state in (_State.UNSURE, _State.EARLY):
            self._state = _State.AWAITED

    def found_over(self, now: float, seconds: float) -> None:
        """Note that a poll found the task over, so many seconds after its start."""
        self._callbacks.settle(now)
        if self._state in (_State.EARLY, _State.CAME):
            self._count(in_time=True)
        elif self._state is _State.AWAITED:
            self._state = _State.SILENT
            self._deadline = now + max(_GRACE_SECONDS, _GRACE_SHARE * seconds)
            self._callbacks.wait_for(self)

    def is_over(self, now: float) -> bool:
        """Return whether this task is counted; a silent one is counted once it is too late."""
        if self._state is _State.SILENT and now > self._deadline:
            self._count(in_time=False)
        return self._state is _State.SETTLED

    def _count(self, *, in_time: bool) -> None:
        self._state = _State.SETTLED
        self._callbacks.count(in_time=in_time, is_checked=self._is_checked)
