"""``client.resources``: the resources people subscribe to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from typing import TypeAlias

from altcraft_async.core.checks import checked_kind, checked_limit, checked_target
from altcraft_async.core.endpoints import REFRESH_RESOURCE
from altcraft_async.many import refresh_many
from altcraft_async.models import Completed, CountersReport, Failed, Feedback
from altcraft_async.starting import Join, Start, Starting
from altcraft_async.tasks import TaskHandle

__all__ = ["ResourceTarget", "Resources"]

ResourceTarget: TypeAlias = tuple[int, int]
"""``(resource_id, database_id)``"""

_TARGET = ("resource_id", "database_id")


class Resources:
    """The ``resources/…`` methods of the platform."""

    def __init__(self, starting: Starting) -> None:
        """Use the client's parts."""
        self._starting = starting

    async def refresh_counters(
        self,
        resource_id: int,
        *,
        database_id: int,
        feedback: Feedback | None = None,
        join: Join = "client",
    ) -> TaskHandle[CountersReport]:
        """Start recounting the subscribers of a resource.

        The server answers at once and counts in the background. Await the
        returned handle for the figures, or keep its ``ref`` and come back.
        Costs one request; it is repeated only where it surely was not acted on.

        Args:
            resource_id: Resource whose subscribers are counted.
            database_id: Profile database to count in; sent as ``list_id``.
            feedback: Where the platform shall report as well; only its request
                is documented, so take a report as a hint.
            join: With ``"client"``, a recount of the same target that this
                client has running is joined instead of starting another;
                ``"never"`` always starts one.

        Returns:
            A handle on the running task. Nothing is polled until it is awaited.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            ApiError: The server refused, for example for want of access rights.
            TransportError: No answer arrived. Where ``maybe_delivered`` is true
                the recount may have started all the same.
            ProtocolError: The answer is not Altcraft's; ``maybe_delivered`` as above.
            ClientClosedError: The client is closed.

        Vendor page: Resources, "Update statistics on resource"
        (``resources/refresh_counters``).
        """
        target = checked_target((resource_id, database_id), *_TARGET)
        if feedback is not None:
            checked_kind("feedback", feedback, Feedback)
        return await self._starting.start(_recount(target, feedback), join=join)

    async def refresh(
        self,
        resource_id: int,
        *,
        database_id: int,
        feedback: Feedback | None = None,
        join: Join = "client",
        timeout: float | None = None,  # noqa: ASYNC109 -- handed on to `TaskHandle.wait`
    ) -> CountersReport:
        """Recount the subscribers of a resource and wait for the figures.

        `refresh_counters` and `TaskHandle.wait` in one: their arguments, costs
        and errors. Where the wait ends early, the error's ``ref`` is the way
        back to the running task.

        Args:
            resource_id: Resource whose subscribers are counted.
            database_id: Profile database to count in; sent as ``list_id``.
            feedback: Where the platform shall report as well.
            join: Whether to join a recount that this client has running.
            timeout: Seconds to wait once the recount has started.

        Raises:
            TaskError: The task gave no result, or not in time.
            AltcraftError: The start or a look failed.
        """
        checked_limit("timeout", timeout)  # before anything is started
        handle = await self.refresh_counters(
            resource_id, database_id=database_id, feedback=feedback, join=join
        )
        return await handle.wait(timeout=timeout)

    def refresh_many(
        self,
        targets: Iterable[ResourceTarget] | AsyncIterable[ResourceTarget],
        *,
        in_flight: int = 100,
        timeout: float | None = None,
        join: Join = "client",
    ) -> AsyncGenerator[Completed[CountersReport] | Failed, None]:
        """Refresh many resources, a bounded number at once.

        Targets are read only as fast as slots get free, so a million of them
        from a generator need no more memory than ``in_flight``. Each comes
        out exactly once, in order of completion; one that is bad or fails is
        a `Failed` of its own and never ends the stream. When you leave early,
        what was started goes on at the platform.

        ```python
        async for outcome in client.resources.refresh_many([(24, 1), (25, 1)]):
            print(outcome.target, outcome.ref)
        ```

        Args:
            targets: ``(resource_id, database_id)`` each, from any iterable or
                async iterable. If reading it fails, its error comes after the
                outcomes of what was read.
            in_flight: Targets between being read and their outcome being
                taken. The rate of requests is bounded by the poll policy, the
                client's ``connections`` and ``rate_limit``.
            timeout: Seconds that each target may take once it has started.
            join: Whether to join recounts that this client has running.

        Raises:
            ConfigurationError: ``in_flight`` or ``timeout`` is wrong.
        """

        async def start(target: object) -> TaskHandle[CountersReport]:
            checked = checked_target(target, *_TARGET)
            return await self._starting.start(_recount(checked, None), join=join)

        return refresh_many(targets, start, in_flight=in_flight, timeout=timeout)


def _recount(target: tuple[int, ...], feedback: Feedback | None) -> Start:
    return Start(
        endpoint=REFRESH_RESOURCE,
        kind="resource",
        target=target,
        values={**dict(zip(_TARGET, target, strict=True)), "feedback": feedback},
        feedback=feedback,
    )
