"""Refreshes in an aiohttp.web app: `Altcraft`.

```python
from aiohttp import web
from altcraft_async.integrations.aiohttp import Altcraft

altcraft = Altcraft()
app = web.Application()
altcraft.setup(app)
```
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress

from aiohttp import web

from altcraft_async.errors import AltcraftError
from altcraft_async.integrations._web import responses
from altcraft_async.integrations._web.app import AltcraftBase
from altcraft_async.integrations._web.component import FILE_NAME, component_answer
from altcraft_async.integrations._web.records import log_error, show_records
from altcraft_async.integrations._web.responses import Answer
from altcraft_async.integrations._web.waiting import while_connected

__all__ = ["Altcraft"]

_DISCONNECT_CHECK_SECONDS = 0.5
"""Between two checks of the connection; aiohttp has no event for a disconnect."""


class Altcraft(AltcraftBase[web.Request, web.Response]):
    """One client for each process of an app, and responses about its tasks."""

    _task: web.AbstractResource | None = None

    def setup(self, app: web.Application) -> None:
        """Keep a client open while the app runs; add routes for tasks and a response to errors.

        The report of a task is at ``/tasks/…``, its events are at ``/tasks/…/events``, and
        the element ``<altcraft-refresh>`` is at ``/tasks/altcraft-refresh.js``.
        The app responds to an `AltcraftError` that a handler raises.
        """
        app.cleanup_ctx.append(self._run)
        app.on_shutdown.append(self._close)
        app.middlewares.append(self._respond_to_error)
        show_records()
        task = f"{self.tasks}/{{task:.+}}"
        app.router.add_get(f"{self.tasks}/{FILE_NAME}", self._get_component)
        app.router.add_get(f"{task}/events", self._get_events)
        self._task = app.router.add_get(task, self._get_task).resource

    async def _run(self, _: web.Application) -> AsyncGenerator[None, None]:
        async with self.opened():
            yield

    async def _close(self, _: web.Application) -> None:
        # At shutdown, because the app's cleanup first waits for streams to end. There is no
        # client if the app failed to start.
        if self._client is not None:
            await self._client.aclose()

    async def _get_component(self, _: web.Request) -> web.Response:
        return self._response(component_answer())

    async def _get_task(self, request: web.Request) -> web.Response:
        word = request.match_info["task"]
        return await self.answer(request, self.find(request, word), word=word)

    async def _get_events(self, request: web.Request) -> web.StreamResponse:
        word = request.match_info["task"]
        handle = self.find(request, word)
        last_event_id = request.headers.get("Last-Event-ID", "")
        whole = responses.streamless_answer(request.method, last_event_id)
        if whole is not None:
            return self._response(whole)
        response = web.StreamResponse(headers=responses.STREAM_HEADERS)

        async def send_all() -> None:
            await response.prepare(request)
            async with aclosing(
                self.events(request, handle, last_event_id=last_event_id, word=word)
            ) as events:
                async for event in events:
                    await response.write(event)

        with suppress(ConnectionError):  # raised by a write after a disconnect
            await while_connected(send_all(), self._disconnected(request))
        return response

    @web.middleware
    async def _respond_to_error(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except AltcraftError as error:
            return self._response(log_error(error))

    def _task_path(self, request: web.Request, word: str) -> str:  # noqa: ARG002 -- the base's signature
        if self._task is None:  # without `setup`
            return responses.task_path(self.tasks, word)
        # The route knows the path below which its app is mounted.
        return str(self._task.url_for(task=word))

    async def _disconnected(self, request: web.Request) -> None:
        while request.transport is not None:  # noqa: ASYNC110 -- there is no event to wait for
            await asyncio.sleep(_DISCONNECT_CHECK_SECONDS)

    def _response(self, answer: Answer) -> web.Response:
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
