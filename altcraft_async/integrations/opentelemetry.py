"""Tasks as OpenTelemetry spans and metrics; needs the extra ``opentelemetry``."""

from __future__ import annotations

import time
from weakref import WeakKeyDictionary

from opentelemetry.context import Context, get_current
from opentelemetry.metrics import Meter, MeterProvider, get_meter
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    StatusCode,
    TracerProvider,
    get_current_span,
    get_tracer,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from altcraft_async.errors import AltcraftError
from altcraft_async.models import TaskKind
from altcraft_async.observer import ObservedTask, Observer, PollEvent

__all__ = ["OpenTelemetryObserver"]

Attributes = dict[str, AttributeValue]

_SCOPE = "altcraft_async"

POLLS = "tasks/status"


class OpenTelemetryObserver(Observer):
    """Makes a span of each task, and metrics of all of them.

    ```python
    from altcraft_async import AltcraftClient
    from altcraft_async.integrations.opentelemetry import OpenTelemetryObserver

    traced = AltcraftClient("https://example.com", "token", observer=OpenTelemetryObserver())
    ```

    A span begins when the platform has answered the start, below the span that
    was current then, and ends with the task. It is open only while somebody
    waits: where the last one leaves before the end, it ends with the outcome
    ``left``, and who comes later has another span, linked to it. So a task
    that nobody waits for has none. Who joins or attaches a task is linked.

    Ids are in spans only, not in metrics; the API token is in neither.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        """Use these providers, or the global ones that the program sets up.

        Args:
            tracer_provider: Makes the spans.
            meter_provider: Makes the metrics.
        """
        self._tracer = get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self._metrics = _Metrics(get_meter(_SCOPE, meter_provider=meter_provider))
        self._traces: WeakKeyDictionary[ObservedTask, _Trace] = WeakKeyDictionary()

    def started(self, task: ObservedTask) -> None:
        """Remember when, and below which span."""
        self._traces[task] = _Trace(time.time_ns(), get_current())

    def attached(self, task: ObservedTask) -> None:
        """Remember who attached it; its span will be below that of who waits."""
        trace = self._traces[task] = _Trace()
        trace.link(get_current_span())

    def joined(self, task: ObservedTask) -> None:
        """Link who joined."""
        self._traces[task].link(get_current_span())

    def watched(self, task: ObservedTask) -> None:
        """Open a span."""
        self._opened(task)

    def polled(self, task: ObservedTask, poll: PollEvent) -> None:
        """Note it as an event of the span."""
        kind: Attributes = {"altcraft.task.kind": task.ref.kind}
        self._metrics.polls.add(1, kind)
        if poll.error is not None:
            self._metrics.count_fault(POLLS, poll.error)
        span = self._traces[task].span
        if span is not None and span.is_recording():
            span.add_event("altcraft.poll", _of_poll(poll))

    def unwatched(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """End the span before the task."""
        self._close(task, "left", error)

    def ended(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """End the span, one that begins at the start where nobody has waited."""
        span = self._opened(task)
        about: Attributes = {"altcraft.task.kind": task.ref.kind, **_of_error(error)}
        context = set_span_in_context(span, Context())
        if task.ref.started_at is not None:
            self._metrics.duration.record(task.seconds, about, context)
        if task.lateness is not None:
            self._metrics.lateness.record(task.lateness, about, context)
        self._close(task, "completed" if error is None else "failed", error)

    def start_failed(self, kind: TaskKind, target: tuple[int, ...], error: AltcraftError) -> None:
        """Count it, and note it at the caller's span."""
        method = f"{kind}s/refresh_counters"
        self._metrics.count_fault(method, error, survived=False)
        about: Attributes = {"altcraft.task.kind": kind, "altcraft.task.target": target}
        get_current_span().add_event("altcraft.start_failed", {**about, **_of_error(error)})

    def retried(self, method: str, error: AltcraftError) -> None:
        """Count it, and note it at the caller's span."""
        self._metrics.count_fault(method, error)
        about: Attributes = {"altcraft.method": method, **_of_error(error)}
        get_current_span().add_event("altcraft.retried", about)

    def _opened(self, task: ObservedTask) -> Span:
        """Return the open span of a task, a new one where there is none."""
        trace = self._traces[task]
        if trace.span is None:
            trace.span = self._tracer.start_span(
                _name(task.ref.kind),
                trace.context,
                SpanKind.CLIENT,
                _of_task(task),
                trace.links,
                trace.began,
            )
            self._metrics.active.add(1, {"altcraft.task.kind": task.ref.kind})
            # Where it is waited for again, the next span is of who does so then.
            trace.began, trace.context, trace.links = None, None, []
        return trace.span

    def _close(self, task: ObservedTask, outcome: str, error: AltcraftError | None) -> None:
        span, trace = self._opened(task), self._traces[task]
        trace.span = None
        trace.link(span)
        span.set_attributes({**_of_end(task), "altcraft.task.outcome": outcome, **_of_error(error)})
        if error is not None:
            span.record_exception(error)
            span.set_status(StatusCode.ERROR, str(error))
        span.end()
        self._metrics.active.add(-1, {"altcraft.task.kind": task.ref.kind})


class _Trace:
    """What is remembered of a task between its events.

    Attributes:
        began: When its next span begins, in nanoseconds since 1970; ``None`` for when it is opened.
        context: Below which that will be; ``None`` for the one that is current then.
        links: To whoever else has to do with it.
        span: The open one.
    """

    __slots__ = ("began", "context", "links", "span")

    def __init__(self, began: int | None = None, context: Context | None = None) -> None:
        self.began = began
        self.context = context
        self.links: list[Link] = []
        self.span: Span | None = None

    def link(self, other: Span) -> None:
        """Link the open span, or else the next one, to another."""
        context = other.get_span_context()
        if self.span is not None:
            self.span.add_link(context)
        else:
            self.links.append(Link(context))


class _Metrics:
    """The instruments, named as OpenTelemetry's conventions want it."""

    def __init__(self, meter: Meter) -> None:
        self.active = meter.create_up_down_counter(
            "altcraft.task.active", "{task}", "Tasks that somebody waits for."
        )
        self.polls = meter.create_counter(
            "altcraft.task.polls", "{poll}", "Polls at tasks, failed ones included."
        )
        self.duration = meter.create_histogram(
            "altcraft.task.duration",
            "s",
            "From a task's start to its end being known.",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        self.lateness = meter.create_histogram(
            "altcraft.task.lateness",
            "s",
            "The longest that the end of a task can have gone unnoticed.",
            explicit_bucket_boundaries_advisory=_LATENESSES,
        )
        self._faults = meter.create_counter(
            "altcraft.request.faults", "{fault}", "Requests that failed."
        )

    def count_fault(self, method: str, error: AltcraftError, *, survived: bool = True) -> None:
        """Count a request that failed, and whether the call or the wait goes on."""
        about: Attributes = {"altcraft.method": method, "altcraft.survived": survived}
        self._faults.add(1, {**about, **_of_error(error)})


# Seconds. The conventions give boundaries for requests only, which end at 10 s.
_DURATIONS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
_LATENESSES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


def _name(kind: TaskKind) -> str:
    return "altcraft task" if kind == "unknown" else f"altcraft refresh {kind}"


def _of_task(task: ObservedTask) -> Attributes:
    about: Attributes = {"altcraft.task.id": task.ref.task_id, "altcraft.task.kind": task.ref.kind}
    if task.ref.target is not None:
        about["altcraft.task.target"] = task.ref.target
    return about


def _of_poll(poll: PollEvent) -> Attributes:
    about: Attributes = {"altcraft.poll.late": poll.late, **_of_error(poll.error)}
    if poll.status is not None:
        about["altcraft.task.status"] = poll.status
    if poll.progress is not None:
        about["altcraft.task.progress"] = poll.progress
    return about


def _of_end(task: ObservedTask) -> Attributes:
    about: Attributes = {"altcraft.task.polls": task.polls, "altcraft.task.faults": task.faults}
    if task.status is not None:
        about["altcraft.task.status"] = task.status
    if task.lateness is not None:
        about["altcraft.task.lateness"] = task.lateness
    return about


def _of_error(error: AltcraftError | None) -> Attributes:
    return {} if error is None else {"error.type": type(error).__name__}
