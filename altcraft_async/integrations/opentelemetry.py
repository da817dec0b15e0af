"""`OpenTelemetryObserver`: tasks as OpenTelemetry spans and metrics.

A task's span is open while the task has a waiter. Between two spans, and before the first,
a `_Trace` keeps what the next one needs: its beginning, its parent and its links.

Needs the extra ``opentelemetry``.
"""

from __future__ import annotations

import time
from weakref import WeakKeyDictionary

from altcraft_async.errors import AltcraftError
from altcraft_async.models import TaskKind
from altcraft_async.models.extras import extra
from altcraft_async.observer import ObservedTask, Observer, PollEvent

with extra("opentelemetry", "opentelemetry"):
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

__all__ = ["OpenTelemetryObserver"]

Attributes = dict[str, AttributeValue]

_SCOPE = "altcraft_async"
_POLL_METHOD = "tasks/status"


class OpenTelemetryObserver(Observer):
    """Makes a span of each task, and metrics of all tasks.

    ```python
    from altcraft_async import AltcraftClient
    from altcraft_async.integrations.opentelemetry import OpenTelemetryObserver

    traced = AltcraftClient("https://example.com", "token", observer=OpenTelemetryObserver())
    ```

    A span begins when the platform has answered the start, and its parent is the span that
    was current then. It ends with the task, or with the outcome ``left`` when the last waiter
    leaves. A later waiter gets another span, linked to the first; a task without a waiter has
    none. The span links to the callers that joined or attached the task.

    Ids are in spans only, so that they do not multiply the time series. The API token is
    in neither spans nor metrics.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        """Use these providers, by default the global ones of the program.

        Args:
            tracer_provider: Makes the spans.
            meter_provider: Makes the metrics.
        """
        self._tracer = get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self._metrics = _Metrics(get_meter(_SCOPE, meter_provider=meter_provider))
        self._traces: WeakKeyDictionary[ObservedTask, _Trace] = WeakKeyDictionary()

    def started(self, task: ObservedTask) -> None:
        """Remember the time and the current span."""
        self._traces[task] = _Trace(time.time_ns(), get_current())

    def attached(self, task: ObservedTask) -> None:
        """Link the caller's span; the parent will be that of the first waiter."""
        trace = self._traces[task] = _Trace()
        trace.link(get_current_span())

    def joined(self, task: ObservedTask) -> None:
        """Link the caller's span."""
        self._traces[task].link(get_current_span())

    def watched(self, task: ObservedTask) -> None:
        """Open a span."""
        self._open_span(task)

    def polled(self, task: ObservedTask, poll: PollEvent) -> None:
        """Count the poll, and add it to the span as an event."""
        self._metrics.polls.add(1, {"altcraft.task.kind": task.ref.kind})
        if poll.error is not None:
            self._metrics.count_fault(_POLL_METHOD, poll.error)
        span = self._traces[task].span
        if span is not None and span.is_recording():
            span.add_event("altcraft.poll", _poll_attributes(poll))

    def unwatched(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """End the span with the outcome ``left``."""
        self._close_span(task, "left", error)

    def ended(self, task: ObservedTask, error: AltcraftError | None) -> None:
        """End the span and measure the task; without a waiter, the span is opened here."""
        span = self._open_span(task)
        about: Attributes = {"altcraft.task.kind": task.ref.kind, **_error_attributes(error)}
        context = set_span_in_context(span, Context())
        if task.ref.started_at is not None:
            self._metrics.duration.record(task.seconds, about, context)
        if task.lateness is not None:
            self._metrics.lateness.record(task.lateness, about, context)
        self._close_span(task, "completed" if error is None else "failed", error)

    def start_failed(self, kind: TaskKind, target: tuple[int, ...], error: AltcraftError) -> None:
        """Count the request, and add it to the caller's span as an event."""
        method = f"{kind}s/refresh_counters"
        self._metrics.count_fault(method, error, survived=False)
        about: Attributes = {"altcraft.task.kind": kind, "altcraft.task.target": target}
        get_current_span().add_event("altcraft.start_failed", {**about, **_error_attributes(error)})

    def retried(self, method: str, error: AltcraftError) -> None:
        """Count the request, and add it to the caller's span as an event."""
        self._metrics.count_fault(method, error)
        about: Attributes = {"altcraft.method": method, **_error_attributes(error)}
        get_current_span().add_event("altcraft.retried", about)

    def outage_began(self, error: AltcraftError) -> None:
        """Count the outage, and add it to the open spans as an event."""
        self._metrics.outages.add(1, _error_attributes(error))
        self._tell_spans("altcraft.outage_began", _error_attributes(error))

    def outage_ended(self, seconds: float, requests: int) -> None:
        """Add the end to the open spans as an event."""
        about: Attributes = {
            "altcraft.outage.seconds": seconds,
            "altcraft.outage.requests": requests,
        }
        self._tell_spans("altcraft.outage_ended", about)

    def _tell_spans(self, event: str, about: Attributes) -> None:
        for trace in tuple(self._traces.values()):
            if trace.span is not None:
                trace.span.add_event(event, about)

    def _open_span(self, task: ObservedTask) -> Span:
        """Return the open span of a task; open one if there is none."""
        trace = self._traces[task]
        if trace.span is None:
            trace.span = self._tracer.start_span(
                _span_name(task.ref.kind),
                trace.context,
                SpanKind.CLIENT,
                _task_attributes(task),
                trace.links,
                trace.began,
            )
            self._metrics.active.add(1, {"altcraft.task.kind": task.ref.kind})
            # The next span begins with the next waiter.
            trace.began, trace.context, trace.links = None, None, []
        return trace.span

    def _close_span(self, task: ObservedTask, outcome: str, error: AltcraftError | None) -> None:
        span, trace = self._open_span(task), self._traces[task]
        trace.span = None
        trace.link(span)
        span.set_attributes(
            {**_end_attributes(task), "altcraft.task.outcome": outcome, **_error_attributes(error)}
        )
        if error is not None:
            span.record_exception(error)
            span.set_status(StatusCode.ERROR, str(error))
        span.end()
        self._metrics.active.add(-1, {"altcraft.task.kind": task.ref.kind})


class _Trace:
    """State of a task between its events.

    Attributes:
        began: When its next span begins, in nanoseconds since 1970; ``None`` for its opening.
        context: Parent of its next span; ``None`` for the context of its opening.
        links: Links of its next span.
        span: The open span.
    """

    __slots__ = ("began", "context", "links", "span")

    def __init__(self, began: int | None = None, context: Context | None = None) -> None:
        self.began = began
        self.context = context
        self.links: list[Link] = []
        self.span: Span | None = None

    def link(self, other: Span) -> None:
        """Link the open span, or else the next one, to another span."""
        context = other.get_span_context()
        if self.span is not None:
            self.span.add_link(context)
        else:
            self.links.append(Link(context))


class _Metrics:
    """The instruments, named by OpenTelemetry's conventions."""

    def __init__(self, meter: Meter) -> None:
        self.active = meter.create_up_down_counter(
            "altcraft.task.active", "{task}", "Tasks that have a waiter."
        )
        self.polls = meter.create_counter(
            "altcraft.task.polls", "{poll}", "Polls of tasks, failed ones included."
        )
        self.duration = meter.create_histogram(
            "altcraft.task.duration",
            "s",
            "Time from a task's start until its end is known.",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        self.lateness = meter.create_histogram(
            "altcraft.task.lateness",
            "s",
            "Longest time that the end of a task may have gone unnoticed.",
            explicit_bucket_boundaries_advisory=_LATENESSES,
        )
        self.outages = meter.create_counter(
            "altcraft.outages", "{outage}", "Times that the platform stopped answering."
        )
        self._faults = meter.create_counter(
            "altcraft.request.faults", "{fault}", "Requests that failed."
        )

    def count_fault(self, method: str, error: AltcraftError, *, survived: bool = True) -> None:
        """Count a failed request, and whether the call or the wait goes on."""
        about: Attributes = {"altcraft.method": method, "altcraft.survived": survived}
        self._faults.add(1, {**about, **_error_attributes(error)})


# Seconds. The boundaries of the conventions are for requests and end at 10 s.
_DURATIONS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
_LATENESSES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


def _span_name(kind: TaskKind) -> str:
    return "altcraft task" if kind == "unknown" else f"altcraft refresh {kind}"


def _task_attributes(task: ObservedTask) -> Attributes:
    about: Attributes = {"altcraft.task.id": task.ref.task_id, "altcraft.task.kind": task.ref.kind}
    if task.ref.target is not None:
        about["altcraft.task.target"] = task.ref.target
    return about


def _poll_attributes(poll: PollEvent) -> Attributes:
    about: Attributes = {"altcraft.poll.late": poll.late, **_error_attributes(poll.error)}
    if poll.status is not None:
        about["altcraft.task.status"] = poll.status
    if poll.progress is not None:
        about["altcraft.task.progress"] = poll.progress
    return about


def _end_attributes(task: ObservedTask) -> Attributes:
    about: Attributes = {"altcraft.task.polls": task.polls, "altcraft.task.faults": task.faults}
    if task.status is not None:
        about["altcraft.task.status"] = task.status
    if task.lateness is not None:
        about["altcraft.task.lateness"] = task.lateness
    return about


def _error_attributes(error: AltcraftError | None) -> Attributes:
    return {} if error is None else {"error.type": type(error).__name__}
