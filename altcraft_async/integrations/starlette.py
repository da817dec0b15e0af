"""Refreshes in a Starlette or FastAPI app: `Altcraft`.

```python
from fastapi import FastAPI
from altcraft_async.integrations.starlette import Altcraft

altcraft = Altcraft()
app = FastAPI(lifespan=altcraft.lifespan)
altcraft.setup(app)
```
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from functools import partial
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from altcraft_async.errors import AltcraftError
from altcraft_async.integrations._web import responses
from altcraft_async.integrations._web.app import Desk, log, while_here
from altcraft_async.integrations._web.responses import Answer
from altcraft_async.models import CountersReport
from altcraft_async.tasks.handle import TaskHandle

__all__ = ["Altcraft"]


class Altcraft(Desk):
    """One client for each process of an app, and what its visitors are answered."""

    def lifespan(self, app: object) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 -- Starlette's signature
        """Have a client while the app runs: ``FastAPI(lifespan=altcraft.lifespan)``.

        An app that has a lifespan of its own enters this one in it:
        ``async with altcraft.lifespan(app):``.
        """
        return self.opened()

    def setup(self, app: Starlette) -> None:
        """Add routes to pick tasks up, and answers for errors.

        The report is at ``/tasks/…``, the events on the way at ``/tasks/…/events``;
        an `AltcraftError` that a handler lets through becomes the answer that fits.
        Of an app that is mounted in another, set up the one with the handlers.
        """
        task = f"{self.tasks}/{{task:path}}"
        events = Route(f"{task}/events", self._events, methods=["GET"])
        app.router.routes += [events, Route(task, self._pick_up, methods=["GET"])]
        app.add_exception_handler(AltcraftError, _refuse)

    async def answer(
        self,
        request: Request,
        handle: TaskHandle[CountersReport],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 -- at its end the visitor gets an answer
    ) -> Response:
        """Answer 200 with the report, or 202 with where to ask again if it takes longer.

        Costs polls the task only, which all who wait for it share, and none
        once the visitor has left. Read the body of the request before.

        Args:
            request: Of the visitor.
            handle: What was started for it.
            timeout: Seconds to wait; those of this object by default.

        Raises:
            AltcraftError: The task ended without a report; an app that was set
                up makes an answer of it.
        """
        handle = self.keep(handle)
        tasks = request.scope.get("root_path", "").rstrip("/") + self.tasks
        path = responses.task_path(tasks, handle.ref)
        left = partial(_left, request.receive)
        return _response(await self.wait(handle, left, path=path, limit=timeout))

    async def _pick_up(self, request: Request) -> Response:
        return await self.answer(request, self.find(request.path_params["task"]))

    async def _events(self, request: Request) -> Response:
        handle = self.find(request.path_params["task"])
        seen = request.headers.get("Last-Event-ID", "")
        if seen == responses.END:
            # The one answer after which a browser does not connect again.
            return Response(status_code=204)
        if request.method == "HEAD":
            return Response(headers=responses.EVENT_STREAM)
        return _Events(self.events(handle, seen=seen))


class _Events(Response):
    """Events for as long as the visitor is there."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        self._events = events
        super().__init__(headers=responses.EVENT_STREAM)
        del self.headers["Content-Length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI
        with suppress(OSError):  # as ASGI has it where the visitor has left
            await while_here(self._stream(send), partial(_left, receive))

    async def _stream(self, send: Send) -> None:
        status, headers = self.status_code, self.raw_headers
        await send({"type": "http.response.start", "status": status, "headers": headers})
        async with aclosing(self._events) as events:
            async for event in events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body"})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(_: Request, error: Exception) -> Response:
    return _response(log(cast("AltcraftError", error)))  # it is called for no other


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, headers=answer.headers)
