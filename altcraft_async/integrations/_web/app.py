"""The part of `Altcraft` that works with any web framework.

Each process of an app has one client. Requests for the same task share one handle, and so
one poller. A request waits until its task ends, the browser disconnects or a time limit
passes, and nothing of the wait is left afterwards.

The address of a task says which task it is. With a secret, the app has signed it, and the
task counts as one of the app's. Without one, nobody vouches for it. So a task that this
process knows has the target that the process knows, an address of a task that it does not
know costs one poll until the platform has confirmed the task, and only so many of those
tasks are polled at once.

Nothing here imports a web framework.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Generic, TypeVar

from altcraft_async.client import AltcraftClient
from altcraft_async.errors import AltcraftError, ConfigurationError, NotFoundError
from altcraft_async.integrations._signing import Secret
from altcraft_async.integrations._web import responses
from altcraft_async.integrations._web.addresses import Addresses, Owner
from altcraft_async.integrations._web.records import log_error
from altcraft_async.integrations._web.responses import Answer, TaskView
from altcraft_async.integrations._web.waiting import cancel, while_connected
from altcraft_async.models import CountersReport, TaskRef
from altcraft_async.models.task_words import task_word
from altcraft_async.models.validation import (
    checked_function,
    checked_positive,
    checked_seconds,
    checked_text,
)
from altcraft_async.tasks.handle import TaskHandle

__all__ = ["AltcraftBase"]

T = TypeVar("T")
RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
Handle = TaskHandle[CountersReport]

MAX_HANDLES = 1000
"""Newest handles that are kept, of the app and from addresses each; each takes a few kilobytes
with its report."""

MAX_POLLED = 100
"""Tasks that are known from addresses alone and are polled at once."""

UNKNOWN_SECONDS = 30.0
"""Seconds for which it is remembered that the platform does not know a task."""

_MIN_TIMEOUT = 0.1
"""Seconds in which a due poll has surely begun: ten slots of the scheduler's timer wheel."""

# What no browser, server or router rewrites.
_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[\w.~-]+)+", re.ASCII)


class AltcraftBase(ABC, Generic[RequestT, ResponseT]):
    """One client for each process of an app, and responses about its tasks.

    Attributes:
        tasks: Path below which browsers find tasks.
    """

    def __init__(  # noqa: PLR0913 -- one argument per option, all by name
        self,
        open_client: Callable[[], AltcraftClient] = AltcraftClient.from_env,
        *,
        tasks: str = "/tasks",
        timeout: float = 2.0,
        ping: float = 15.0,
        secret: Secret | None = None,
        owner: Callable[[RequestT], Owner] | None = None,
        addresses_expire: float | None = None,
    ) -> None:
        """Check the arguments; the client is opened when the app starts.

        Args:
            open_client: Makes the client, once for each run of the app.
            tasks: Path below which browsers find tasks.
            timeout: Seconds after which a response says where to ask again; at least
                0.1, because shorter requests could end before any poll begins.
            ping: Seconds of quiet after which a stream of events sends a comment.
            secret: At least 16 bytes, the same in every process: addresses of tasks are
                signed, so that nobody can make one up or edit it. To change it, pass
                several, the newest first: each is accepted, the first one signs. The
                default signs nothing, and needs your own check in front of ``tasks``.
            owner: Says who sends a request, such as a user's id; an address opens for
                the same owner only. ``None`` is any visitor who is not known.
            addresses_expire: Seconds for which an address is good, longer than a task
                takes; then it gets a 410. Needs a secret. The default is for ever.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        checked_function("open_client", open_client)
        if not _PATH.fullmatch(checked_text("tasks", tasks)):
            msg = "tasks: has to be a path such as /tasks, of ASCII letters, digits and -._~"
            raise ConfigurationError(msg)
        self.tasks = tasks
        self._open_client = open_client
        self._timeout = checked_seconds("timeout", timeout, least=_MIN_TIMEOUT)
        self._ping = checked_positive("ping", ping)
        self._addresses = Addresses[RequestT](secret, owner, addresses_expire)
        self._client: AltcraftClient | None = None
        self._kept: OrderedDict[str, Handle] = OrderedDict()  # by task id, of the app
        self._found: OrderedDict[str, Handle] = OrderedDict()  # by task id, from addresses
        self._polled: Counter[str] = Counter()  # requests for each of those that are polled
        self._unknown: OrderedDict[str, float] = OrderedDict()  # until when, by task id

    @property
    def client(self) -> AltcraftClient:
        """The client of this process, while the app runs.

        Raises:
            ConfigurationError: The app does not run, or runs without the lifespan of this object.
        """
        if self._client is None:
            msg = "client: exists while the app runs, and needs the lifespan of this object"
            raise ConfigurationError(msg)
        return self._client

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None, None]:
        """Keep a client open inside the block."""
        async with self._open_client() as client:
            self._client = client
            try:
                yield
            finally:
                self._client = None
                self._kept.clear()
                self._found.clear()
                self._unknown.clear()

    async def answer(
        self,
        request: RequestT,
        handle: Handle,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 -- at its end the browser gets a response
        word: str | None = None,
    ) -> ResponseT:
        """Respond with 200 and the report, or with 202 and where to ask again.

        Requests that wait for the same task share its polls. The wait ends when the
        browser disconnects, in aiohttp.web up to half a second later. Read the body of
        the request first: in Starlette, waiting discards it.

        Args:
            request: The browser's request.
            handle: The task to wait for.
            timeout: Seconds to wait; by default those of this object.
            word: By which `find` has found the task: the address in the response then
                expires when it does. Without it, the address is a new one.

        Raises:
            AltcraftError: The task ended without a report; `setup` makes the app
                respond to this error.
        """
        handle = self.keep(handle)
        word = self._addresses.word(request, handle.ref, word)
        seconds = self._timeout if timeout is None else checked_seconds("timeout", timeout)
        work = self._report(handle)
        report = await while_connected(work, self._disconnected(request), limit=seconds)
        view = responses.view_of(handle, word, report)
        if report is not None:
            return self._response(responses.report_answer(view))
        path = self._task_path(request, word)
        return self._response(responses.pending_answer(view, path))

    def find(self, request: RequestT, word: str) -> Handle:
        """Return the handle of the task that a browser asks for.

        Raises:
            ConfigurationError: The word does not name a task.
            WrongAddressError: This app has not signed the word for this visitor.
            ExpiredAddressError: It has, and too long ago.
            TaskLostError: The platform does not know the task, or it has another target.
        """
        return self.find_task(self._addresses.read(request, word))

    def find_task(self, ref: TaskRef) -> Handle:
        """Return the handle of a task, the one kept for it if any.

        Raises:
            TaskLostError: The platform does not know the task, or it has another target.
        """
        task_id = ref.task_id
        handle = self._kept.get(task_id) or self._found.get(task_id)
        if handle is None:
            if self._unknown.get(task_id, 0.0) > asyncio.get_running_loop().time():
                raise responses.unknown_task(ref)
            handle = self.client.tasks.attach(ref)
            if not self._addresses.signed:
                _put(self._found, task_id, handle, MAX_HANDLES)
        elif task_word(handle.ref) != task_word(ref):
            raise responses.unknown_task(ref)
        return self.keep(handle)

    def keep(self, handle: Handle) -> Handle:
        """Keep a handle for later requests; return the one already kept for its task, if any."""
        task_id = handle.ref.task_id
        if self._found.get(task_id) is handle:
            self._found.move_to_end(task_id)
            return handle
        self._found.pop(task_id, None)
        kept = self._kept.get(task_id, handle)
        _put(self._kept, task_id, kept, MAX_HANDLES)
        return kept

    async def events(
        self,
        request: RequestT,
        handle: Handle,
        *,
        last_event_id: str = "",
        word: str | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield what happens to a task as server-sent events, the report last.

        Args:
            request: The browser's request.
            handle: The task.
            last_event_id: Id of the last event that the browser has; it is not sent again.
            word: As for `answer`.
        """
        try:
            word = self._addresses.word(request, handle.ref, word)
            with self._bounded(handle):
                await self._confirm(handle)
                async with aclosing(self._views(handle, word)) as views:
                    async for view in views:
                        if view is None:
                            yield responses.PING
                        elif responses.status_event_id(view) != last_event_id:
                            yield responses.status_event(view)
                yield responses.report_event(responses.view_of(handle, word, await handle))
        except AltcraftError as error:
            log_error(error)
            yield responses.error_event(error)

    @abstractmethod
    def _task_path(self, request: RequestT, word: str) -> str:
        """Return the path at which browsers find a task."""

    @abstractmethod
    async def _disconnected(self, request: RequestT) -> None:
        """Return when the browser has disconnected."""

    @abstractmethod
    def _response(self, answer: Answer) -> ResponseT:
        """Make a response of the framework's own class."""

    async def _report(self, handle: Handle) -> CountersReport:
        with self._bounded(handle):
            await self._confirm(handle)
            return await handle

    @contextmanager
    def _bounded(self, handle: Handle) -> Generator[None, None, None]:
        """Refuse the request if too many tasks that only addresses know are polled already."""
        task_id = handle.ref.task_id
        if self._kept.get(task_id) is handle or handle.done():
            yield
            return
        if task_id not in self._polled and len(self._polled) >= MAX_POLLED:
            msg = f"tasks: {MAX_POLLED} that are known from addresses alone are polled already"
            raise responses.TooManyTasksError(msg)
        self._polled[task_id] += 1
        try:
            yield
        finally:
            self._polled[task_id] -= 1
            if not self._polled[task_id]:
                del self._polled[task_id]

    async def _confirm(self, handle: Handle) -> None:
        """Find out by one poll whether the platform knows the task of an address."""
        task_id = handle.ref.task_id
        if self._kept.get(task_id) is handle or handle.done() or handle.status is not None:
            return
        try:
            await handle.poll()
        except NotFoundError:
            self._found.pop(task_id, None)
            until = asyncio.get_running_loop().time() + UNKNOWN_SECONDS
            _put(self._unknown, task_id, until, 10 * MAX_HANDLES)
        except AltcraftError:
            return  # a wait survives it, or raises it again
        else:
            return
        raise responses.unknown_task(handle.ref)

    async def _views(self, handle: Handle, word: str) -> AsyncGenerator[TaskView | None, None]:
        """Yield a view at each change before the end, and ``None`` after each quiet period."""
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
                yield responses.view_of(handle, word)
        finally:
            if step is not None:
                await cancel(step)
            await updates.aclose()


def _put(kept: OrderedDict[str, T], key: str, value: T, most: int) -> None:
    """Keep a value as the newest; drop the oldest if there are too many."""
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)
