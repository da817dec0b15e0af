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

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from typing import Any, cast

from altcraft_async.errors import AltcraftError
from altcraft_async.integrations._web import openapi, responses
from altcraft_async.integrations._web.app import AltcraftBase
from altcraft_async.integrations._web.component import FILE_NAME, component_answer
from altcraft_async.integrations._web.records import log_error, show_records
from altcraft_async.integrations._web.responses import Answer
from altcraft_async.integrations._web.waiting import while_connected
from altcraft_async.models.extras import extra

with extra("starlette", "starlette"):
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.types import Receive, Scope, Send

__all__ = ["Altcraft"]


class Altcraft(AltcraftBase[Request, Response]):
    """One client for each process of an app, and responses about its tasks."""

    def lifespan(self, app: object) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 -- Starlette's signature
        """Keep a client open while the app runs: ``FastAPI(lifespan=altcraft.lifespan)``.

        An app with a lifespan of its own enters this one inside it:
        ``async with altcraft.lifespan(app):``.
        """
        return self.opened()

    def setup(self, app: Starlette) -> None:
        """Add routes for tasks and a response to errors.

        The report of a task is at ``/tasks/…``, its events are at ``/tasks/…/events``, and
        the element ``<altcraft-refresh>`` is at ``/tasks/altcraft-refresh.js``.
        The app responds to an `AltcraftError` that a handler raises. If an app is
        mounted in another, set up the one that has the handlers. In FastAPI, the routes
        are in the OpenAPI document; ``responses=altcraft.responses`` describes a handler
        that returns `answer`.
        """
        show_records()
        task = f"{self.tasks}/{{task:path}}"
        app.router.routes += [
            Route(f"{self.tasks}/{FILE_NAME}", self._get_component, methods=["GET"]),
            Route(f"{task}/events", self._get_events, methods=["GET"]),
            Route(task, self._get_task, methods=["GET"]),
        ]
        app.add_exception_handler(AltcraftError, self._respond_to_error)
        document: Callable[[], dict[str, Any]] | None = getattr(app, "openapi", None)
        if document is not None:  # as FastAPI's documentation extends it
            app.openapi = lambda: openapi.add_routes(document(), self.tasks)  # type: ignore[attr-defined]

    @property
    def responses(self) -> dict[int | str, dict[str, Any]]:
        """The responses of a handler that returns `answer`, for FastAPI's ``responses=``."""
        return dict(openapi.RESPONSES)

    async def _get_component(self, _: Request) -> Response:
        return self._response(component_answer())

    async def _get_task(self, request: Request) -> Response:
        word = request.path_params["task"]
        return await self.answer(request, self.find(request, word), word=word)

    async def _get_events(self, request: Request) -> Response:
        word = request.path_params["task"]
        handle = self.find(request, word)
        last_event_id = request.headers.get("Last-Event-ID", "")
        whole = responses.streamless_answer(request.method, last_event_id)
        if whole is not None:
            return self._response(whole)
        events = self.events(request, handle, last_event_id=last_event_id, word=word)
        return _EventStream(events)

    async def _respond_to_error(self, _: Request, error: Exception) -> Response:
        return self._response(log_error(cast("AltcraftError", error)))  # registered for no other

    def _task_path(self, request: Request, word: str) -> str:
        root: str = request.scope.get("root_path", "")
        return responses.task_path(root.rstrip("/") + self.tasks, word)

    async def _disconnected(self, request: Request) -> None:
        await _disconnected(request.receive)

    def _response(self, answer: Answer) -> Response:
        return Response(answer.body, answer.status, headers=answer.headers)


class _EventStream(Response):
    """Sends events until they end or the browser disconnects."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        self._events = events
        super().__init__(headers=responses.STREAM_HEADERS)
        del self.headers["Content-Length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI
        with suppress(OSError):  # ASGI raises it after a disconnect
            await while_connected(self._send_all(send), _disconnected(receive))

    async def _send_all(self, send: Send) -> None:
        status, headers = self.status_code, self.raw_headers
        await send({"type": "http.response.start", "status": status, "headers": headers})
        async with aclosing(self._events) as events:
            async for event in events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body"})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
