"""Refreshes in a Starlette or FastAPI app: `Altcraft`.

```python
from fastapi import FastAPI
from altcraft_async.integrations.starlette import Altcraft

altcraft = Altcraft()
app = FastAPI(
    lifespan=altcraft.lifespan,
    routes=altcraft.routes,
    exception_handlers=altcraft.exception_handlers,
)
```
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from altcraft_async.errors import AltcraftError
from altcraft_async.integrations import answers
from altcraft_async.integrations.answers import Answer
from altcraft_async.integrations.web import Desk, log, while_here
from altcraft_async.models import CountersReport
from altcraft_async.tasks import TaskHandle

__all__ = ["Altcraft"]

Endpoint = Callable[[Request], Coroutine[object, object, Response]]
ErrorHandler = Callable[[Request, Any], Coroutine[object, object, Response]]
"""Each handles one class of errors, for which Starlette's own types have no words but ``Any``."""


class Altcraft(Desk):
    """One client for each process of an app, and what its visitors are answered."""

    def lifespan(self, app: object) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 -- Starlette's signature
        """Have a client while the app runs: ``FastAPI(lifespan=altcraft.lifespan)``.

        An app that has a lifespan of its own enters this one in it.
        """
        return self.opened()

    @property
    def routes(self) -> list[BaseRoute]:
        """The two routes at which visitors pick tasks up: the report, and the events on the way."""
        return [
            Route(f"{self.tasks}/{{task:path}}/events", self._events, methods=["GET"]),
            Route(f"{self.tasks}/{{task:path}}", self._pick_up, methods=["GET"]),
        ]

    @property
    def exception_handlers(self) -> Mapping[Any, ErrorHandler]:  # a handler's key may be a status
        """What makes an answer of every `AltcraftError` that a handler lets through."""
        return {AltcraftError: _refuse}

    async def answer(
        self,
        request: Request,
        handle: TaskHandle[CountersReport],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 -- at its end the visitor gets an answer
    ) -> Response:
        """Answer 200 with the report, or 202 with where to ask again if it takes longer.

        Costs looks at the task only, which all who wait for it share, and none
        once the visitor has left. Read the body of the request before.

        Args:
            request: Of the visitor.
            handle: What was started for it.
            timeout: Seconds to wait; those of this object by default.

        Raises:
            AltcraftError: The task ended without a report; `exception_handlers`
                make an answer of it.
        """
        handle = self.keep(handle)
        tasks = request.scope.get("root_path", "") + self.tasks
        path = answers.task_path(tasks, handle.ref)
        left = partial(_left, request.receive)
        return _response(await self.wait(handle, left, path=path, limit=timeout))

    async def _pick_up(self, request: Request) -> Response:
        try:
            return await self.answer(request, self.find(request.path_params["task"]))
        except AltcraftError as error:
            return _response(log(error))

    async def _events(self, request: Request) -> Response:
        try:
            handle = self.find(request.path_params["task"])
        except AltcraftError as error:
            return _response(log(error))
        seen = request.headers.get("Last-Event-ID", "")
        if seen == answers.END:
            # The one answer after which a browser does not connect again.
            return Response(status_code=204)
        if request.method == "HEAD":
            return Response(headers=answers.EVENT_STREAM)
        return _Events(self.events(handle, seen=seen))


class _Events(Response):
    """Events for as long as the visitor is there."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        self._events = events
        super().__init__(headers=answers.EVENT_STREAM)
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


async def _refuse(_: Request, error: AltcraftError) -> Response:
    return _response(log(error))


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, headers=answer.headers)
