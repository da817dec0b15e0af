"""One contender of the observers benchmark: prints the CPU time of a poll, slice by slice.

``python -m benchmarks.contenders.observers NAME``. Only the poll loop runs,
with an answer that is available at once: without HTTP and the scheduler a
difference of a microsecond is visible.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping

import msgspec
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from altcraft_async import (
    AltcraftClient,
    CountersReport,
    ObservedTask,
    Observer,
    PollEvent,
    TaskRef,
)
from altcraft_async.integrations.opentelemetry import OpenTelemetryObserver
from altcraft_async.monitor import Monitor
from altcraft_async.protocol.counter_responses import counters_report
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.poll_rules import PollRules
from benchmarks.contenders.measurement import TASKS, TOKEN, task_ids, url_of

POLLS_PER_TASK = 4
"""Polls of each task in a slice of about 0.1 s."""

RUNNING = TaskAnswer("running", 40, b"{}")


class Counting(Observer):
    """The simplest useful observer."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.polls = 0

    def polled(self, task: ObservedTask, poll: PollEvent) -> None:  # noqa: ARG002 -- it only counts
        """Count the poll."""
        self.polls += 1


def with_sdk() -> Observer:
    """Return an observer whose spans and metrics the SDK keeps in memory."""
    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
    return OpenTelemetryObserver(tracers, MeterProvider([InMemoryMetricReader()]))


OBSERVERS: Mapping[str, Callable[[], Observer | None]] = {
    "off": lambda: None,
    "off_again": lambda: None,
    "base": Observer,
    "counting": Counting,
    "monitor": Monitor,
    "api": OpenTelemetryObserver,
    "sdk": with_sdk,
}


async def measure(observer: Observer | None) -> None:
    """Poll all tasks without end."""

    async def poll(_task_id: str) -> TaskAnswer:
        return RUNNING

    client = AltcraftClient(url_of(1), TOKEN, observer=observer)
    rules = msgspec.structs.replace(client.tasks.attach("any").poller.rules, poll=poll)
    handles = [_handle(task_id, rules) for task_id in task_ids()]
    for handle in handles:
        handle.add_done_callback(print)  # a task without a waiter is not polled
    pollers = [handle.poller for handle in handles]
    while True:
        began = time.process_time()
        for _ in range(POLLS_PER_TASK):
            for poller in pollers:
                await poller.run()
        each = (time.process_time() - began) / (POLLS_PER_TASK * TASKS)
        print(json.dumps({"CPU µs per poll": each * 1e6}), flush=True)


def _handle(task_id: str, rules: PollRules) -> TaskHandle[CountersReport]:
    ref = TaskRef(task_id=task_id, kind="resource", target=(24, 1))
    return TaskHandle(ref, rules, counters_report, started=asyncio.get_running_loop().time())


if __name__ == "__main__":
    asyncio.run(measure(OBSERVERS[sys.argv[1]]()))
