"""Each request on its way through: read, noted, then answered or misbehaved to."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import hdrs, web

from altcraft_async.simulator import messages, responses
from altcraft_async.simulator.codec import Format
from altcraft_async.simulator.faults import Fault, Script
from altcraft_async.simulator.installation import Install
from altcraft_async.simulator.messages import Answer, Call
from altcraft_async.simulator.methods import METHODS
from altcraft_async.simulator.sending import Sender
from altcraft_async.simulator.webhooks import Webhooks, wanted
from altcraft_async.simulator.world import World

TRANSCRIPT = 10_000
"""How many requests are remembered."""

HTTP_ERRORS = range(400, 600)


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request in the transcript.

    Attributes:
        method: API method, for example ``"tasks/status"``.
        params: Parameters without the token, as they were read: in XML, all is text.
        format: Format of the request.
        at: What the simulator's clock said, in seconds.
        outcome: ``error`` of the answer, 0 for success; or the fault that came instead.
    """

    method: str
    params: Mapping[str, object]
    format: Format
    at: float
    outcome: int | Fault


class Handler:
    """Handle the requests of one simulator.

    Attributes:
        requests: The newest of them, oldest first.
        counts: How many there were per API method.
        sender: Calls the addresses that starts name as ``feedback``.
    """

    def __init__(
        self,
        world: World,
        script: Script,
        install: Install,
        clock: Callable[[], float] | None,
        webhooks: Webhooks,
    ) -> None:
        """Take over what `Simulator` was given."""
        self.requests: deque[ReceivedRequest] = deque(maxlen=TRANSCRIPT)
        self.counts: Counter[str] = Counter()
        self._world = world
        self._script = script
        self._clock = clock
        self._install = install
        self.sender = Sender(world, webhooks)

    def open(self) -> None:
        """Get ready for requests, in the running event loop."""
        loop = asyncio.get_running_loop()
        self._stopping: asyncio.Future[None] = loop.create_future()
        self._now = self._clock or loop.time

    def close(self) -> None:
        """Let stalled requests give up."""
        self._stopping.set_result(None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer, or do what the script says instead."""
        try:
            return await self._serve(request)
        except ConnectionError:  # the caller had enough
            return responses.reset(request)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = messages.method_of(request.path)
        if request.method != hdrs.METH_POST:
            return _http_error(web.HTTPMethodNotAllowed.status_code, "POST only")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge as refused:
            return _http_error(refused.status, "the body is larger than 10 MB")
        authorization = request.headers.get(hdrs.AUTHORIZATION, "")
        call = messages.read_call(method, body, request.content_type, authorization)
        self.counts[method] += 1
        fault = self._script.draw(method)
        if fault is None:
            answer = self._answer(call)
            self._note(call, answer.code)
            return responses.respond(answer, self._status(call, answer))
        self._note(call, fault)
        instead = self._instead(request, call, fault)
        return instead if instead is not None else await self._despite(request, call, fault)

    def _instead(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse | None:
        # The faults that keep the platform from acting.
        if fault.kind == "reset":
            return responses.reset(request)
        if fault.kind == "html":
            return responses.error_page(fault)
        if fault.kind == "status":
            return responses.error_status(fault, call.answer_form)
        if fault.kind == "refuse":
            answer = messages.refusal(call.answer_form, fault.code, fault.text)
            return responses.respond(answer, self._status(call, answer))
        return None

    async def _despite(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse:
        # The faults with which the platform acts all the same.
        if fault.kind == "stall" and await self._pause(fault.seconds):
            return responses.reset(request)
        answer = self._answer(call, fault)
        status = self._status(call, answer)
        if fault.kind == "lost_start":
            return responses.reset(request)
        if fault.kind == "cut_body":
            return await responses.cut(request, answer, status)
        if fault.kind == "slow_body":
            gap = fault.seconds / responses.PIECES
            return await responses.drip(request, answer, status, lambda: self._pause(gap))
        return responses.respond(answer, status)

    async def _pause(self, seconds: float) -> bool:
        # Whether the simulator stops meanwhile. Some event loops know no infinite timer.
        await asyncio.wait([self._stopping], timeout=seconds if math.isfinite(seconds) else None)
        return self._stopping.done()

    def _answer(self, call: Call, fault: Fault | None = None) -> Answer:
        answer = messages.answer(self._world, call, self._install, self._now(), fault)
        webhook = wanted(call, answer)
        if webhook is not None:
            self.sender.promise(webhook, self._now)
        return answer

    def _status(self, call: Call, answer: Answer) -> int:
        if call.method not in METHODS:
            return web.HTTPNotFound.status_code
        if self._install.http_errors and answer.code in HTTP_ERRORS:
            return answer.code
        return web.HTTPOk.status_code

    def _note(self, call: Call, outcome: int | Fault) -> None:
        self.requests.append(
            ReceivedRequest(call.method, call.params, call.form, self._now(), outcome)
        )


def _http_error(status: int, text: str) -> web.Response:
    return responses.respond(messages.refusal("json", status, text), status)
