"""An observer that notes all it is told, for tests."""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple

from altcraft_async import AltcraftError, ObservedTask, Observer, PollEvent, TaskKind

caller: ContextVar[str] = ContextVar("caller", default="nobody")
"""Set by a test, and noted with each event: in whose context was it told?"""


class Event(NamedTuple):
    """One call of the observer.

    Attributes:
        name: Of its method.
        caller: What the context variable said.
        task: The task, where it is of one.
        about: The rest of the arguments.
    """

    name: str
    caller: str
    task: ObservedTask | None
    about: tuple[object, ...]


class Recorder(Observer):
    """Notes every event in order."""

    def __init__(self) -> None:
        """Begin with none."""
        self.events: list[Event] = []

    @property
    def names(self) -> list[str]:
        """What happened, polls in a row once."""
        names = [event.name for event in self.events]
        return [
            name
            for name, before in zip(names, ["", *names], strict=False)
            if not (name == before == "polled")
        ]

    @property
    def polls(self) -> list[PollEvent]:
        """All polls."""
        return [
            poll for event in self.events for poll in event.about if isinstance(poll, PollEvent)
        ]

    def only(self, name: str) -> Event:
        """Return the only event of this name."""
        (event,) = (event for event in self.events if event.name == name)
        return event

    def started(self, task: ObservedTask) -> None:
        """Note it."""
        self._note("started", task)

    def start_failed(self, kind: TaskKind, target: tuple[int, ...], error: AltcraftError) -> None:
        """Note it."""
        self._note("start_failed", None, kind, target, error)

    def outage_began(self, error: AltcraftError) -> None:
        """Note it."""
        self._note("outage_began", None, error)

    def outage_ended(self, seconds: float, requests: int) -> None:
        """Note it."""
        self._note("outage_ended", None, seconds, requests)

    def attached(self, task: ObservedTask) -> None:
        """Note it."""
        self._note("attached", task)

    def joined(self, task: ObservedTask) -> None:
        """Note it."""
        self._note("joined", task)

    def watched(self, task: ObservedTask) -> None:
        """Note it."""
        self._note("watched", task)

    def polled(self, task: ObservedTask, poll: PollEvent) -> None:
        """Note it."""
        self._note("polled", task, poll)

    def unwatched(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """Note it."""
        self._note("unwatched", task, error)

    def ended(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """Note it."""
        self._note("ended", task, error)

    def retried(self, method: str, error: AltcraftError) -> None:
        """Note it."""
        self._note("retried", None, method, error)

    def _note(self, name: str, task: ObservedTask | None, *about: object) -> None:
        self.events.append(Event(name, caller.get(), task, about))


class Raising(Recorder):
    """Notes every event, and fails at each."""

    def _note(self, name: str, task: ObservedTask | None, *about: object) -> None:
        super()._note(name, task, *about)
        raise ZeroDivisionError
