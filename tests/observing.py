"""An observer that notes all it is told, for tests."""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple

from altcraft_async import AltcraftError, Look, ObservedTask, Observer, TaskKind

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
        """What happened, looks in a row once."""
        names = [event.name for event in self.events]
        return [
            name
            for name, before in zip(names, ["", *names], strict=False)
            if not (name == before == "looked")
        ]

    @property
    def looks(self) -> list[Look]:
        """All looks."""
        return [look for event in self.events for look in event.about if isinstance(look, Look)]

    def only(self, name: str) -> Event:
        """Return the only event of this name."""
        (event,) = (event for event in self.events if event.name == name)
        return event

    def started(self, task: ObservedTask) -> None:
        """Note it."""
        self._note("started", task)

    def not_started(self, kind: TaskKind, target: tuple[int, ...], error: AltcraftError) -> None:
        """Note it."""
        self._note("not_started", None, kind, target, error)

    def attached(self, task: ObservedTask) -> None:
        """Note it."""
        self._note("attached", task)

    def joined(self, task: ObservedTask) -> None:
        """Note it."""
        self._note("joined", task)

    def watched(self, task: ObservedTask) -> None:
        """Note it."""
        self._note("watched", task)

    def looked(self, task: ObservedTask, look: Look) -> None:
        """Note it."""
        self._note("looked", task, look)

    def left(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """Note it."""
        self._note("left", task, error)

    def ended(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """Note it."""
        self._note("ended", task, error)

    def repeated(self, method: str, error: AltcraftError) -> None:
        """Note it."""
        self._note("repeated", None, method, error)

    def _note(self, name: str, task: ObservedTask | None, *about: object) -> None:
        self.events.append(Event(name, caller.get(), task, about))


class Raising(Recorder):
    """Notes every event, and fails at each."""

    def _note(self, name: str, task: ObservedTask | None, *about: object) -> None:
        super()._note(name, task, *about)
        raise ZeroDivisionError
