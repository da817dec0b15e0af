"""What the web frameworks have in common: one client, its visitors, and what they wait for."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

from altcraft_async.client import AltcraftClient
from altcraft_async.errors import AltcraftError, ConfigurationError
from altcraft_async.integrations._web import responses
from altcraft_async.integrations._web.responses import Answer, Shown
from altcraft_async.models import CountersReport, TaskRef
from altcraft_async.models.task_words import task_word
from altcraft_async.models.validation import (
    checked_function,
    checked_positive,
    checked_seconds,
    checked_text,
)
from altcraft_async.observer import logger
from altcraft_async.tasks.handle import TaskHandle

__all__ = ["Desk", "while_here"]

T = TypeVar("T")
Handle = TaskHandle[CountersReport]
Left = Callable[[], Coroutine[Any, Any, object]]  # what it yields to the loop is the loop's affair

MOST_HANDLES = 1000
"""Tasks whose handle is kept, the newest of them; each weighs a few kilobytes with its report."""

SHORTEST_VISIT = 0.1
"""Seconds in which a poll that is due has begun, ten of the slots that polls are timed by."""

SERVER_ERROR = 500

_PATH = re.compile(r"(/[\w.~-]+)+", re.ASCII)  # which no server or router writes in another way


class Desk:
    """The client of a web app, and the tasks that its visitors ask for.

    Those who ask for the same task share a handle, and with it one poll loop.
    """

    def __init__(
        self,
        open_client: Callable[[], AltcraftClient] = AltcraftClient.from_env,
        *,
        tasks: str = "/tasks",
        timeout: float = 2.0,
        ping: float = 15.0,
    ) -> None:
        """Open nothing yet.

        Args:
            open_client: Makes the client, once for each run of the app.
            tasks: Path below which visitors pick tasks up.
            timeout: Seconds after which a visitor is told where to ask again, at
                least 0.1: who always leaves before a poll could ask for ever.
            ping: Seconds of quiet after which a stream of events shows that it is alive.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        checked_function("open_client", open_client)
        if not _PATH.fullmatch(checked_text("tasks", tasks)):
            msg = "tasks: has to be a path such as /tasks, of ASCII letters, digits and -._~ only"
            raise ConfigurationError(msg)
        self.tasks = tasks
        self._open_client = open_client
        self._timeout = checked_seconds("timeout", timeout, least=SHORTEST_VISIT)
        self._ping = checked_positive("ping", ping)
        self._client: AltcraftClient | None = None
        self._handles: OrderedDict[str, Handle] = OrderedDict()

    @property
    def client(self) -> AltcraftClient:
        """The client of this process, while the app runs.

        Raises:
            ConfigurationError: The app does not run, or runs without the lifespan of this object.
        """
        if self._client is None:
            msg = "client: is there while the app runs, and needs the lifespan of this object"
            raise ConfigurationError(msg)
        return self._client

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None, None]:
        """Have a client meanwhile."""
        async with self._open_client() as client:
            self._client = client
            try:
                yield
            finally:
                self._client = None
                self._handles.clear()

    def find(self, word: str) -> Handle:
        """Return the handle of the task that a visitor asks for.

        Raises:
            ConfigurationError: This is no task.
        """
        ref = responses.asked_task(word)
        return self._kept(ref) or self.keep(self.client.tasks.attach(ref))

    def keep(self, handle: Handle) -> Handle:
        """Keep a handle for those who come for the same task; return the one to use."""
        known = self._kept(handle.ref)
        if known is not None:
            return known
        self._handles[task_word(handle.ref)] = handle
        if len(self._handles) > MOST_HANDLES:
            self._handles.popitem(last=False)
        return handle

    def _kept(self, ref: TaskRef) -> Handle | None:
        word = task_word(ref)
        if word in self._handles:
            self._handles.move_to_end(word)
        return self._handles.get(word)

    async def wait(
        self,
        handle: Handle,
        left: Left,
        *,
        path: str,
        limit: float | None = None,
    ) -> Answer:
        """Wait for a task as long as the visitor is there and the limit lasts.

        Args:
            handle: Of the task.
            left: Its coroutine ends when the visitor has left.
            path: Where to ask again.
            limit: Seconds, those of the app by default.

        Raises:
            AltcraftError: The task ended without a report.
        """
        seconds = self._timeout if limit is None else checked_seconds("timeout", limit)
        report = await while_here(handle.wait(), left, limit=seconds)
        if report is None:
            return responses.underway(responses.shown(handle), path)
        return responses.finished(responses.shown(handle, report))

    async def events(self, handle: Handle, *, seen: str = "") -> AsyncGenerator[bytes, None]:
        """Yield what happens to a task as server-sent events, the report last.

        Args:
            handle: Of the task.
            seen: Id of the last event that the visitor has; it is not sent again.
        """
        try:
            async with aclosing(self._changes(handle)) as changes:
                async for change in changes:
                    if change is None:
                        yield responses.PING
                    elif responses.moved_id(change) != seen:
                        yield responses.moved(change)
            yield responses.ended(responses.shown(handle, await handle))
        except AltcraftError as error:
            log(error)
            yield responses.failed(error)

    async def _changes(self, handle: Handle) -> AsyncGenerator[Shown | None, None]:
        """Yield what is known at each change before the end, ``None`` after each quiet while."""
        updates = handle.updates()
        step: asyncio.Task[object] | None = None
        try:
            while True:
                step = step or asyncio.ensure_future(anext(updates, None))
                if not (await asyncio.wait([step], timeout=self._ping))[0]:
                    yield None
                    continue
                if step.result() is None or handle.done():
                    return
                step = None
                yield responses.shown(handle)
        finally:
            if step is not None:
                await _end(step)
            await updates.aclose()


async def while_here(
    work: Coroutine[Any, Any, T],
    left: Left,
    *,
    limit: float | None = None,
) -> T | None:
    """Return what the work comes to; ``None`` if the visitor leaves first, or the limit is over.

    Whatever is not over by then is cancelled, and is over when this returns.
    """
    doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(left())
    try:
        await asyncio.wait((doing, leaving), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else None
    finally:
        await _end(doing, leaving)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and see them end; how they end is no matter any more."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def log(error: AltcraftError) -> Answer:
    """Return what a visitor is told of an error, and tell the log what the platform said."""
    answer = responses.refused(error)
    if answer.status >= SERVER_ERROR:
        logger.warning("a visitor is answered %d: %s", answer.status, error)
    return answer
