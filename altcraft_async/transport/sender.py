"""Calls an API method: from an endpoint and values to the platform's reply, with retries."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import Self, TypeVar

import tenacity

from altcraft_async.errors import (
    AltcraftError,
    ClientClosedError,
    ConfigurationError,
    PlatformUnavailableError,
    RateLimitedError,
    TransportError,
)
from altcraft_async.observer import logger
from altcraft_async.protocol.codecs import Format
from altcraft_async.protocol.endpoints import Endpoint, parameters
from altcraft_async.protocol.envelope import interpret
from altcraft_async.protocol.messages import Request
from altcraft_async.protocol.token import SecretBytes, Token, TokenLocation
from altcraft_async.transport.breaker import got_no_answer
from altcraft_async.transport.context import ClientContext
from altcraft_async.transport.http import Transport
from altcraft_async.transport.rate_limit import RateLimiter
from altcraft_async.transport.retry import backoff, may_retry
from altcraft_async.transport.slots import Slots

__all__ = ["Gate", "Sender"]

T = TypeVar("T")

LONGEST_PATIENT_DELAY = 2.0
"""Seconds between two attempts of a call that waits out an outage, beside that wait."""

OWN_REFUSALS = 10
"""Requests of a patient call after which refusals end it, if any belonged to its target."""

Gate = AbstractAsyncContextManager[object, None]
"""Entered right before a request is sent, and left with its answer or failure."""


_PLACE = "***"
"""Stands for the token while the values of a caller are encoded, which may fail."""


class Sender:
    """Sends requests to one installation with one token, in one format."""

    def __init__(  # noqa: PLR0913 -- one argument per part, all but the first by name
        self,
        transport: Transport,
        *,
        context: ClientContext,
        rate_limiter: RateLimiter,
        token: Token,
        token_in: TokenLocation,
        wire_format: Format,
        at_once: int,
    ) -> None:
        """Put the parts together; nothing is opened yet."""
        self._transport = transport
        self._context = context
        self._lifecycle = context.lifecycle
        self._rate_limiter = rate_limiter
        self._token = token
        self._patience = 0.0
        self._token_in = token_in
        self._format = wire_format
        self._token_bytes = SecretBytes(wire_format.escape(token.reveal()))
        # In place of aiohttp's own queue, where waiting would count against the time limit.
        self._slots = {starts: Slots(at_once) for starts in (False, True)}

    def patient(self, seconds: float) -> Self:
        """Return a sender whose calls wait out an outage for so long; it shares all parts."""
        patient = copy.copy(self)
        patient._patience = seconds  # noqa: SLF001 -- of its own class
        return patient

    async def send(
        self,
        endpoint: Endpoint[T],
        values: Mapping[str, object],
        *,
        gate: Gate | None = None,
        patience: float | None = None,
    ) -> T:
        """Call an API method, with retries where they are safe.

        Args:
            endpoint: What to call.
            values: Parameters by their Python names.
            gate: Entered right before each request is sent, and left with its
                answer or failure. If it raises on entry, nothing is sent.
            patience: Seconds for which the call waits out an outage or a throttle,
                instead of a few retries; ``None`` for what `patient` was given.

        Raises:
            ConfigurationError: A value cannot be written in this format; nothing was sent.
            AltcraftError: The last failure.
        """
        self._lifecycle.enter()
        patience = self._patience if patience is None else patience
        # Before the gate, which notes that a start may have been sent.
        request = self._request(endpoint, values)
        with self._lifecycle.until_closed():
            try:
                return await self._attempt_with_slot(endpoint, request, gate, patience)
            except AltcraftError as failure:
                if not self._may_retry(endpoint, patience, failure):
                    raise
                first = failure
            return await self._retry(endpoint, request, first, gate, patience)
        # Outside the block, whose own error carries frames of aiohttp.
        raise self._lifecycle.closed_error()

    def attempt(
        self, endpoint: Endpoint[T], values: Mapping[str, object]
    ) -> Coroutine[object, object, T]:
        """Send one request; the caller holds a rate-limiter slot."""
        return self._attempt(endpoint, self._request(endpoint, values))

    async def _attempt(self, endpoint: Endpoint[T], request: Request) -> T:
        outage = self._context.outage
        sent = outage.sent(is_start=endpoint.starts)
        try:
            with self._lifecycle.busy:
                response = self._token.mask_response(await self._transport.exchange(request))
                if response.is_slow_to_read:
                    said = await asyncio.to_thread(interpret, endpoint, response, self._token.mask)
                else:
                    said = interpret(endpoint, response, self._token.mask)
        except AltcraftError as failure:
            if got_no_answer(failure):
                outage.failed(sent, failure)
            elif isinstance(failure, ClientClosedError) or (
                isinstance(failure, TransportError) and failure.local
            ):
                outage.undecided()
            else:
                outage.answered(sent)  # by something; waiting does not mend a permanent failure
            self._rate_limiter.note_refusal(failure, request)
            raise
        finally:
            outage.ended()
        outage.answered(sent)
        self._rate_limiter.note_accepted(request)
        self._context.retry_budget.reward()
        return said

    def give_up(self, before: float) -> None:
        """End the requests that were sent before this time, and hang: reads at once, starts soon.

        A read is sent again. A start may be answered yet, so it gets a few seconds.
        """
        age = self._lifecycle.time() - before
        self._transport.give_up(age, start_seconds=self._context.outage.prober.hung_after)

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()

    async def _attempt_with_slot(
        self, endpoint: Endpoint[T], request: Request, gate: Gate | None, patience: float
    ) -> T:
        outage, starts = self._context.outage, endpoint.starts
        slots, is_trial = self._slots[starts], False
        while True:
            # Before the queue for a connection, so that a run that waits holds up no other call.
            await outage.ready(endpoint.path, patience)
            if starts:
                is_trial = await outage.start_gate.ready(endpoint.path, patience)
            try:
                async with slots:
                    # After that queue, so that the requests that leave it are spaced. An
                    # outage may begin while this one waits: then it uses up no rate.
                    is_held = partial(self._is_held, endpoint, patience, is_trial)
                    await self._rate_limiter.acquire(ahead=is_trial, unless=is_held)
                    if is_held():
                        continue
                    async with gate or nullcontext():
                        attempt = self._attempt(endpoint, request)
                        return await slots.timed(self._lifecycle.time, attempt)
            finally:
                if is_trial:
                    outage.start_gate.trial_ended()

    def _is_held(self, endpoint: Endpoint[object], patience: float, is_trial: bool) -> bool:  # noqa: FBT001 -- what the gate returned
        """Whether a request may not be sent now, though it might when it was let through."""
        outage = self._context.outage
        return outage.holds(patience) or (endpoint.starts and outage.start_gate.holds(is_trial))

    def _request(self, endpoint: Endpoint[object], values: Mapping[str, object]) -> Request:
        sent = parameters(endpoint, values)
        in_body = self._token_in == "body"  # noqa: S105 -- a place, no password
        if in_body:
            sent = {"token": _PLACE, **sent}
        # The default is sent only to methods whose page lists it. Another format is asked
        # for everywhere, as the general page allows.
        if endpoint.lists_format or self._format.name != "json":
            sent["format"] = self._format.name
        body = self._encoded(endpoint.path, sent)
        return Request(
            path=endpoint.path,
            content_type=self._format.content_type,
            # The token is the first value.
            body=SecretBytes(body.replace(_PLACE.encode(), self._token_bytes, int(in_body))),
            authorization=None if in_body else f"Bearer {self._token.reveal()}",
            starts=endpoint.starts,
        )

    def _encoded(self, path: str, sent: Mapping[str, object]) -> bytes:
        try:
            return self._format.encode(sent)
        except ValueError as unwritable:
            reason = type(unwritable).__name__
        msg = f"{path}: a value cannot be written as {self._format.name} ({reason})"
        raise ConfigurationError(msg)

    def _may_retry(
        self, endpoint: Endpoint[object], patience: float, failure: BaseException
    ) -> bool:
        if isinstance(failure, PlatformUnavailableError):
            return False  # it was not sent, and its patience is over
        return isinstance(failure, AltcraftError) and may_retry(
            failure,
            starts=endpoint.starts,
            ambiguous_starts=self._context.retry.ambiguous_starts,
            patience=patience,
        )

    async def _retry(
        self,
        endpoint: Endpoint[T],
        request: Request,
        first: AltcraftError,
        gate: Gate | None,
        patience: float,
    ) -> T:
        """Retry with tenacity after a first failure.

        tenacity gets that failure as its first attempt. So it alone counts
        attempts and delays, and calls that succeed at once never enter it.
        """
        failures, is_ambiguous = [first], False

        async def attempt() -> T:
            nonlocal is_ambiguous
            try:
                if failures:
                    raise failures.pop()
                return await self._attempt_with_slot(endpoint, request, gate, patience)
            except AltcraftError as failure:
                # An earlier attempt may have been acted on, even if this one was not sent.
                is_ambiguous = is_ambiguous or (endpoint.starts and failure.maybe_delivered)
                failure.maybe_delivered = failure.maybe_delivered or is_ambiguous
                raise

        return await self._retrying(endpoint, patience)(attempt)

    def _retrying(self, endpoint: Endpoint[object], patience: float) -> tenacity.AsyncRetrying:
        clock, retry = self._lifecycle.time, self._context.retry
        spend, notifier = self._context.retry_budget.spend, self._context.notifier
        began, is_own = clock(), False

        def is_enough(state: tenacity.RetryCallState) -> bool:
            elapsed = clock() - began + state.upcoming_sleep
            if patience:
                nonlocal is_own
                is_own = is_own or _is_of_target(state)
                return elapsed > patience or (is_own and state.attempt_number >= OWN_REFUSALS)
            return elapsed > retry.total or state.attempt_number >= retry.attempts or not spend()

        def report(state: tenacity.RetryCallState) -> None:
            failure = state.outcome.exception() if state.outcome else None
            logger.info("sent again: %s", failure, extra={"altcraft_method": endpoint.path})
            if notifier is not None and isinstance(failure, AltcraftError):
                notifier.notify(notifier.observer.retried, endpoint.path, failure)

        return tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(partial(self._may_retry, endpoint, patience)),
            wait=partial(self._delay, patience),
            stop=is_enough,
            before_sleep=report,
            sleep=self._lifecycle.sleep,
            reraise=True,
        )

    def _delay(self, patience: float, state: tenacity.RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        retry, random = self._context.retry, self._context.random()
        delay = backoff(state.attempt_number - 1, failure, retry, random)
        if patience and isinstance(failure, AltcraftError) and got_no_answer(failure):
            # `Outage.ready` waits for the platform.
            return max(min(delay, LONGEST_PATIENT_DELAY), failure.retry_after or 0.0)
        return delay


def _is_of_target(state: tenacity.RetryCallState) -> bool:
    failure = state.outcome.exception() if state.outcome else None
    return isinstance(failure, RateLimitedError) and failure.of_target
