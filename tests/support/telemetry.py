"""Where the spans and metrics of tests go."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    InMemoryMetricReader,
    NumberDataPoint,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

from altcraft_async.integrations.opentelemetry import OpenTelemetryObserver

Point = HistogramDataPoint | NumberDataPoint


class Telemetry:
    """An observer, and all that it has said.

    Attributes:
        observer: For a client.
        tracer: For the spans of the program around it.
    """

    def __init__(self) -> None:
        """Keep everything in memory."""
        self._exporter = InMemorySpanExporter()
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._reader = InMemoryMetricReader()
        meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.tracer: Tracer = tracers.get_tracer("tests")
        self.observer = OpenTelemetryObserver(tracers, meters)

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans of tasks that have ended."""
        return [span for span in self._exporter.get_finished_spans() if "altcraft" in span.name]

    def only(self) -> ReadableSpan:
        """Return the only span of a task."""
        (span,) = self.spans
        return span

    def points(self) -> Mapping[str, list[Point]]:
        """Return what was measured so far, by the name of the metric."""
        data = self._reader.get_metrics_data()
        if data is None:
            return {}
        return {
            metric.name: [
                point
                for point in metric.data.data_points
                if isinstance(point, (HistogramDataPoint, NumberDataPoint))
            ]
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def told(self) -> str:
        """Return everything that goes out, as one text."""
        data = self._reader.get_metrics_data()
        spans = [span.to_json() for span in self._exporter.get_finished_spans()]
        return "\n".join([*spans, data.to_json() if data else ""])
