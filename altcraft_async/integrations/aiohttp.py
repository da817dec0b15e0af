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
from functools import partial

from aiohttp import web

from altcraft_async.errors import AltcraftError
from altcraft_async.integrations._web import responses
from altcraft_async.integrations._web.app import Desk, log, while_here
from altcraft_async.integrations._web.responses import Answer
from altcraft_async.models import CountersReport
from altcraft_async.models.task_words import task_word
from altcraft_async.tasks.handle import TaskHandle

__all__ = ["Altcraft"]

NOTICE_SECONDS = 0.5
"""How long it may take to notice that a visitor has left, of which aiohttp tells nobody."""


class Altcraft(Desk):
    """One client for each process of an app, and what its visitors are answered."""

    _task: web.AbstractResource | None = None

    def setup(self, app: web.Application) -> None:
        """Have a client while the app runs, routes to pick tasks up, and answers for errors.

        The report is at ``/tasks/…``, the events on the way at ``/tasks/…/events``;
        an `AltcraftError` that a handler lets through becomes the answer that fits.
        """
        app.cleanup_ctx.append(self._run)
        app.on_shutdown.append(self._close)
        app.middlewares.append(_refuse)
        task = f"{self.tasks}/{{task:.+}}"
        app.router.add_get(f"{task}/events", self._events)
        self._task = app.router.add_get(task, self._pick_up).resource

    async def answer(
        self,
        request: web.Request,
        handle: TaskHandle[CountersReport],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 -- at its end the visitor gets an answer
    ) -> web.Response:
        """Answer 200 with the report, or 202 with where to ask again if it takes longer.

        Costs polls the task only, which all who wait for it share, and none
        half a second after the visitor has left.

        Args:
            request: Of the visitor.
            handle: What was started for it.
            timeout: Seconds to wait; those of this object by default.

        Raises:
            AltcraftError: The task ended without a report; the app that was set
                up makes an answer of it.
        """
        handle = self.keep(handle)
        path = responses.task_path(self.tasks, handle.ref)
        if self._task is not None:  # which knows below which other app this one is
            path = str(self._task.url_for(task=task_word(handle.ref)))
        left = partial(_left, request)
        return _response(await self.wait(handle, left, path=path, limit=timeout))

    async def _run(self, _: web.Application) -> AsyncGenerator[None, None]:
        async with self.opened():
            yield

    async def _close(self, _: web.Application) -> None:
        # Now rather than with the rest of the app, which first waits for streams to end. There is
        # none where the app could not start.
        if self._client is not None:
            await self._client.aclose()

    async def _pick_up(self, request: web.Request) -> web.Response:
        return await self.answer(request, self.find(request.match_info["task"]))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        handle = self.find(request.match_info["task"])
        seen = request.headers.get("Last-Event-ID", "")
        if seen == responses.END:
            # The one answer after which a browser does not connect again.
            return web.Response(status=204)
        if request.method == "HEAD":
            return web.Response(headers=responses.EVENT_STREAM)
        response = web.StreamResponse(headers=responses.EVENT_STREAM)
        stream = self._stream(request, response, handle, seen)
        with suppress(ConnectionError):  # the visitor has left
            await while_here(stream, partial(_left, request))
        return response

    async def _stream(
        self,
        request: web.Request,
        response: web.StreamResponse,
        handle: TaskHandle[CountersReport],
        seen: str,
    ) -> None:
        await response.prepare(request)
        async with aclosing(self.events(handle, seen=seen)) as events:
            async for event in events:
                await response.write(event)


@web.middleware
async def _refuse(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except AltcraftError as error:
        return _response(log(error))


async def _left(request: web.Request) -> None:
    while request.transport is not None:  # noqa: ASYNC110 -- there is no event to wait for
        await asyncio.sleep(NOTICE_SECONDS)


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
