"""``client.tasks``: tasks that were started here or elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar, cast, get_origin, overload

from altcraft_async.models import CountersReport, TaskRef, TaskStatus
from altcraft_async.models.validation import checked_task_id
from altcraft_async.protocol.codecs import Document
from altcraft_async.protocol.counter_responses import counters_report
from altcraft_async.protocol.endpoints import TASK_STATUS
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.poll_rules import PollRules
from altcraft_async.transport.sender import Sender

__all__ = ["Tasks"]

T = TypeVar("T")


class Tasks:
    """The ``tasks/…`` methods of the platform."""

    def __init__(self, sender: Sender, rules: PollRules) -> None:
        """Use the client's parts."""
        self._sender = sender
        self._rules = rules

    async def status(self, task_id: str) -> TaskStatus:
        """Read the status of a task once.

        Costs one request, retried where a failure may pass. To wait for the
        end, `attach` a handle instead.

        Args:
            task_id: Opaque id, from ``refresh_counters``.

        Raises:
            ConfigurationError: ``task_id`` is no text; nothing was sent.
            ApiError: The platform refused. The error for an unknown task is not
                documented; `NotFoundError` is a guess.
            TransportError: No complete answer arrived.
            ProtocolError: The answer is not Altcraft's.
            ClientClosedError: The client is closed.

        Vendor page: any ``refresh_counters`` page, "Checking the task status"
        (``tasks/status``).
        """
        values = {"task_id": checked_task_id("task_id", task_id)}
        answer = await self._sender.send(TASK_STATUS, values)
        if answer.is_large:
            return await asyncio.to_thread(getattr, answer, "whole_status")
        return answer.whole_status

    @overload
    def attach(self, task: TaskRef) -> TaskHandle[CountersReport]: ...

    @overload
    def attach(self, task: str) -> TaskHandle[object]: ...

    @overload
    def attach(
        self, task: TaskRef | str, *, decode: type[T] | Callable[[object], T]
    ) -> TaskHandle[T]: ...

    def attach(
        self,
        task: TaskRef | str,
        *,
        decode: type[object] | Callable[[object], object] | None = None,
    ) -> TaskHandle[Any]:  # typed by the overloads
        """Make a handle for a task that was started before, here or elsewhere.

        Costs nothing until the handle is awaited. Then the first poll is sent
        at once, as the task may be over.

        Args:
            task: The ref of a handle, or a bare task id.
            decode: Type of the result, `CountersReport` or any that msgspec can
                decode, or a function of the plain value. Without it, a ref of a
                refresh gives a `CountersReport`, and a bare id the plain value.

        Raises:
            ConfigurationError: ``task`` is neither a ref nor an id.
        """
        if not isinstance(task, TaskRef):
            task = TaskRef(task_id=checked_task_id("task", task))
        return TaskHandle(task, self._rules, _decoder(task, decode))


def _decoder(
    ref: TaskRef, decode: type[object] | Callable[[object], object] | None
) -> Callable[[Document, TaskRef], object]:
    if decode is CountersReport or (decode is None and ref.kind != "unknown"):
        return counters_report
    if decode is None:
        return lambda result, _: result.value
    if isinstance(decode, type) or get_origin(decode) is not None:
        # msgspec takes a generic such as list[int], which is no instance of type.
        wanted = cast("type[object]", decode)
        return lambda result, _: result.to(wanted)
    return lambda result, _: decode(result.value)
