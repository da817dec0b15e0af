"""Handles each HTTP request: reads and records it, then responds or misbehaves."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import hdrs, web

from altcraft_async.simulator import messages, methods, responses
from altcraft_async.simulator.codec import Format
from altcraft_async.simulator.faults import Fault, Script
from altcraft_async.simulator.installation import Installation
from altcraft_async.simulator.messages import ApiRequest, ApiResponse
from altcraft_async.simulator.methods import METHODS
from altcraft_async.simulator.webhooks import Sender, Webhooks, requested_webhook
from altcraft_async.simulator.world import World

TRANSCRIPT = 10_000
"""Number of recorded requests."""

HTTP_ERRORS = range(400, 600)


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request in the transcript.

    Attributes:
        method: API method, for example ``"tasks/status"``.
        params: Parameters without the token, as read: in XML, every value is a text.
        format: Format of the request.
        at: Seconds of the simulator's clock.
        outcome: ``error`` of the response, 0 for success; or the fault of the request.
    """

    method: str
    params: Mapping[str, object]
    format: Format
    at: float
    outcome: int | Fault


class Handler:
    """Handles the requests of one simulator.

    Attributes:
        requests: The newest requests, oldest first.
        counts: Number of requests per API method.
        sender: Calls the ``feedback`` URLs of starts.
    """

    def __init__(
        self,
        world: World,
        script: Script,
        installation: Installation,
        clock: Callable[[], float] | None,
        webhooks: Webhooks,
    ) -> None:
        """Take the parts of a `Simulator`."""
        self.requests: deque[ReceivedRequest] = deque(maxlen=TRANSCRIPT)
        self.counts: Counter[str] = Counter()
        self.sender = Sender(world, webhooks)
        self._world = world
        self._script = script
        self._installation = installation
        self._clock = clock

    def open(self) -> None:
        """Prepare for requests, in the running event loop."""
        loop = asyncio.get_running_loop()
        self._stopping: asyncio.Future[None] = loop.create_future()
        self._now = self._clock or loop.time

    def close(self) -> None:
        """End stalls and slow bodies."""
        self._stopping.set_result(None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Respond to a request, or apply its fault."""
        try:
            return await self._respond(request)
        except ConnectionError:  # the client has disconnected
            return responses.reset(request)

    async def _respond(self, http: web.Request) -> web.StreamResponse:
        strict = self._installation.strict
        method = messages.method_of(http.rel_url.raw_path, strict=strict)
        if http.method != hdrs.METH_POST:
            return _http_error(web.HTTPMethodNotAllowed.status_code, "POST only")
        try:
            body = await http.read()
        except web.HTTPRequestEntityTooLarge as error:
            return _http_error(error.status, "the body is larger than 10 MB")
        authorization = http.headers.get(hdrs.AUTHORIZATION, "")
        request = messages.read_request(
            method, body, http.content_type, authorization, strict=strict
        )
        self.counts[method] += 1
        fault = self._script.draw(method)
        if fault is None:
            response = self._act(request)
            self._record(request, response.code)
            return responses.whole(response, self._status(request, response))
        self._record(request, fault)
        refused = self._fail_without_acting(http, request, fault)
        return refused if refused is not None else await self._act_and_fail(http, request, fault)

    def _fail_without_acting(
        self, http: web.Request, request: ApiRequest, fault: Fault
    ) -> web.StreamResponse | None:
        if fault.kind == "reset":
            return responses.reset(http)
        if fault.kind == "html":
            return responses.error_page(fault)
        if fault.kind == "status":
            return responses.error_status(fault, request.response_format)
        if fault.kind == "refuse":
            response = messages.refusal(request.response_format, fault.code, fault.text)
            return responses.whole(response, self._status(request, response))
        return None

    async def _act_and_fail(
        self, http: web.Request, request: ApiRequest, fault: Fault
    ) -> web.StreamResponse:
        if fault.kind == "stall" and await self._wait(fault.seconds):
            return responses.reset(http)
        response = self._act(request, fault)
        status = self._status(request, response)
        if fault.kind == "lost_start":
            return responses.reset(http)
        if fault.kind == "cut_body":
            return await responses.cut(http, response, status)
        if fault.kind == "slow_body":
            seconds = fault.seconds / responses.PIECES
            return await responses.slow(http, response, status, lambda: self._wait(seconds))
        return responses.whole(response, status)

    async def _wait(self, seconds: float) -> bool:
        """Wait; return whether the simulator is stopping."""
        # Some event loops accept no infinite timeout.
        await asyncio.wait([self._stopping], timeout=seconds if math.isfinite(seconds) else None)
        return self._stopping.done()

    def _act(self, request: ApiRequest, fault: Fault | None = None) -> ApiResponse:
        response = methods.respond(self._world, request, self._installation, self._now(), fault)
        webhook = requested_webhook(request, response)
        if webhook is not None:
            self.sender.schedule(webhook, self._now)
        return response

    def _status(self, request: ApiRequest, response: ApiResponse) -> int:
        if request.method not in METHODS:
            return web.HTTPNotFound.status_code
        if self._installation.http_errors and response.code in HTTP_ERRORS:
            return response.code
        return web.HTTPOk.status_code

    def _record(self, request: ApiRequest, outcome: int | Fault) -> None:
        self.requests.append(
            ReceivedRequest(request.method, request.params, request.format, self._now(), outcome)
        )


def _http_error(status: int, text: str) -> web.Response:
    return responses.whole(messages.refusal("json", status, text), status)
