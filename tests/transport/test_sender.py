"""When a request is retried, and after how long. Time jumps here, so delays are exact."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from email.utils import formatdate

import pytest

from altcraft_async import (
    ConfigurationError,
    ProtocolError,
    RateLimitedError,
    Retry,
    TransportError,
)
from altcraft_async.protocol.codecs import FORMATS, Format, read
from altcraft_async.protocol.endpoints import REFRESH_RESOURCE, TASK_STATUS
from altcraft_async.protocol.token import Token
from altcraft_async.transport.context import ClientContext
from altcraft_async.transport.http import Limits, Transport
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.outage import Outage
from altcraft_async.transport.rate import Rate
from altcraft_async.transport.rate_limit import RateLimiter
from altcraft_async.transport.retry import RetryBudget
from altcraft_async.transport.sender import Sender
from tests.faults.canary import Canary
from tests.support.api_calls import (
    POLL,
    RUNNING,
    START,
    STARTED,
    TOKEN,
    Call,
    Way,
    both_calls,
    client_of,
    failure_of,
)
from tests.support.loop_time import now
from tests.support.scripted_server import ScriptedServer, Step, answer

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("both_ways")]

RESET = Step(then="reset")


def throttled(retry_after: str) -> Step:
    """Return a refusal that asks to wait."""
    return answer('{"error": 429}', status="429 Slow", headers=[f"Retry-After: {retry_after}"])


def sender_of(
    server: ScriptedServer,
    retry: Retry,
    random: Callable[[], float],
    wire_format: Format = FORMATS["json"],
) -> Sender:
    """Return a sender with its own random numbers."""
    lifecycle = Lifecycle()
    rate_limiter = RateLimiter(lifecycle, Rate())
    outage = Outage(lifecycle, patience=0.0, random=random, notifier=None)
    context = ClientContext(
        lifecycle=lifecycle,
        retry=retry,
        retry_budget=RetryBudget(),
        random=random,
        outage=outage,
    )
    return Sender(
        Transport(f"{server.url}/api/v1.1", limits=Limits(), fast_path=Way.fast_path),
        context=context,
        rate_limiter=rate_limiter,
        token=Token(TOKEN),
        token_in="body",
        wire_format=wire_format,
        at_once=64,
    )


class Entered(AbstractAsyncContextManager[None, None]):
    """A gate that counts how often it was entered."""

    def __init__(self) -> None:
        """Begin with none."""
        self.times = 0

    async def __aenter__(self) -> None:
        """Count."""
        self.times += 1

    async def __aexit__(self, *_: object) -> None:
        """Do nothing."""


@pytest.mark.parametrize("name", FORMATS)
async def test_values_that_cannot_be_written_are_refused_before_the_gate_without_the_token(
    server: ScriptedServer, name: str
) -> None:
    gate = Entered()
    sender = sender_of(server, Retry(), lambda: 0.5, FORMATS[name])
    with pytest.raises(ConfigurationError, match="cannot be written") as refused:
        await sender.send(REFRESH_RESOURCE, {"resource_id": "\ud800"}, gate=gate)
    assert gate.times == 0
    assert not server.received
    canary = Canary()
    canary.inspect_error(refused.value)
    assert canary.texts > 10
    assert canary.found == []


@pytest.mark.parametrize("name", FORMATS)
async def test_body_has_the_token_and_any_value_as_they_are(
    server: ScriptedServer, name: str
) -> None:
    token = "a<&>\"\\'ж***"
    server.script(answer('{"error": 0, "data": {"status": "running"}}'))
    async with client_of(server.url, token, wire_format="xml" if name == "xml" else "json") as one:
        await one.tasks.status("***")
    sent = read(server.received[0].body).value
    assert isinstance(sent, dict)
    assert (sent["token"], sent["task_id"]) == (token, "***")
    assert next(iter(sent)) == "token"


async def test_start_refused_with_429_is_retried(server: ScriptedServer) -> None:
    server.script(throttled("0"), throttled("0"), STARTED)
    async with client_of(server.url) as client:
        handle = await client.resources.refresh_counters(24, database_id=1)
    assert handle.ref.task_id == "t1"
    assert len({request.body for request in server.received}) == 1


async def test_poll_that_failed_temporarily_is_retried(
    server: ScriptedServer,
) -> None:
    server.script(RESET, answer(status="502 Bad Gateway"), RUNNING)
    async with client_of(server.url) as client:
        assert (await client.tasks.status("t1")).progress == 40


async def test_ambiguous_start_is_retried_if_the_caller_allows_it(
    server: ScriptedServer,
) -> None:
    server.script(RESET, answer(), STARTED)
    async with client_of(server.url, retry=Retry(first=0.0, ambiguous_starts=True)) as client:
        handle = await client.resources.refresh_counters(24, database_id=1)
    assert handle.ref.task_id == "t1"


async def test_retries_end_when_the_shared_budget_is_spent(server: ScriptedServer) -> None:
    calls = 150
    retries = RetryBudget.FULL // RetryBudget.COST
    server.script(*[RESET] * (calls + retries), *[RUNNING] * RetryBudget.COST, RESET, RUNNING)
    async with client_of(
        server.url, retry=Retry(attempts=2), connections=1, outage_patience=0
    ) as client:
        polls = [POLL.make(client) for _ in range(calls)]
        failures = await asyncio.gather(*polls, return_exceptions=True)
        assert all(isinstance(failure, TransportError) for failure in failures)
        assert len(server.received) == calls + retries
        for _ in range(RetryBudget.COST + 1):
            await client.tasks.status("t1")


@both_calls
async def test_one_attempt_is_one_request(server: ScriptedServer, call: Call) -> None:
    server.script(throttled("0"))
    async with client_of(server.url, retry=Retry(attempts=1)) as client:
        assert isinstance(await failure_of(call, client), RateLimitedError)


async def test_last_of_several_failures_is_raised(server: ScriptedServer) -> None:
    server.script(RESET, throttled("0"), answer())
    async with client_of(server.url) as client:
        assert isinstance(await failure_of(POLL, client), ProtocolError)


async def test_start_is_not_retried_once_a_failure_is_ambiguous(server: ScriptedServer) -> None:
    server.script(throttled("0"), RESET)
    async with client_of(server.url) as client:
        error = await failure_of(START, client)
    assert isinstance(error, TransportError)
    assert error.maybe_delivered


@both_calls
async def test_successful_call_waits_for_nothing(server: ScriptedServer, call: Call) -> None:
    server.script(STARTED if call.starts else RUNNING)
    async with client_of(server.url, retry=Retry(first=20.0)) as client:
        await call.make(client)
    assert now() == 0


async def test_one_random_number_is_drawn_per_retry(server: ScriptedServer) -> None:
    draws: list[float] = []

    def random() -> float:
        draws.append(now())
        return 0.0

    sender = sender_of(server, Retry(), random)
    server.script(RUNNING, RESET, RESET, RUNNING)
    await sender.send(TASK_STATUS, {"task_id": "t1"})
    assert not draws
    await sender.send(TASK_STATUS, {"task_id": "t1"})
    assert len(draws) == 2
    await sender.aclose()


async def test_delays_double_up_to_the_ceiling(server: ScriptedServer) -> None:
    retry = Retry(attempts=5, first=1.0, ceiling=5.0)
    sender = sender_of(server, retry, random=lambda: 1.0)
    server.script(RESET, RESET, RESET, RESET, RUNNING)
    await sender.send(TASK_STATUS, {"task_id": "t1"})
    await sender.aclose()
    assert [request.at for request in server.received] == [0, 1, 3, 7, 12]


async def test_retry_that_would_begin_after_the_total_is_not_made(server: ScriptedServer) -> None:
    server.script(throttled("50"), throttled("50"))
    async with client_of(server.url, retry=Retry(total=60.0)) as client:
        await failure_of(POLL, client)
    assert now() == 50


@both_calls
async def test_retry_after_in_seconds_is_obeyed(server: ScriptedServer, call: Call) -> None:
    server.script(throttled("40"), STARTED if call.starts else RUNNING)
    async with client_of(server.url) as client:
        await call.make(client)
    assert [request.at for request in server.received] == [0, 40]


@both_calls
async def test_retry_after_as_a_date_is_obeyed(server: ScriptedServer, call: Call) -> None:
    server.script(throttled(formatdate(time.time() + 40, usegmt=True)))
    server.script(STARTED if call.starts else RUNNING)
    async with client_of(server.url) as client:
        await call.make(client)
    assert 35 < server.received[1].at <= 40


async def test_retry_after_of_more_than_two_minutes_is_raised(server: ScriptedServer) -> None:
    server.script(throttled("120"), throttled("121"))
    async with client_of(server.url, retry=Retry(first=0.0, total=10_000.0)) as client:
        error = await failure_of(START, client)
    assert isinstance(error, RateLimitedError)
    assert (now(), error.retry_after) == (120, 121)


async def test_retry_after_of_a_408_is_bounded_too(server: ScriptedServer) -> None:
    server.script(answer(status="408 Request Timeout", headers=["Retry-After: 1000"]))
    async with client_of(server.url, retry=Retry(first=0.0, total=10_000.0)) as client:
        await failure_of(POLL, client)
    assert now() == 0


async def test_retry_after_of_a_proxys_page_is_obeyed(server: ScriptedServer) -> None:
    page = answer(
        "<html>later</html>",
        status="503 Unavailable",
        content_type="text/html",
        headers=["Retry-After: 7"],
    )
    server.script(page, RUNNING)
    async with client_of(server.url) as client:
        await client.tasks.status("t1")
    assert [request.at for request in server.received] == [0, 7]


@both_calls
async def test_call_cancelled_before_a_retry_sends_nothing_more(
    server: ScriptedServer, call: Call
) -> None:
    server.script(throttled("50"))
    async with client_of(server.url) as client:
        calling = asyncio.ensure_future(call.make(client))
        await server.has_received(1)
        _, waiting = await asyncio.wait([calling], timeout=10)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
    assert waiting
    assert now() == 10


@both_calls
async def test_cancelled_request_ends_at_once_and_frees_its_slot(
    server: ScriptedServer, call: Call
) -> None:
    server.script(Step(then="hang"), RUNNING)
    async with client_of(server.url, connections=1) as client:
        calling = asyncio.ensure_future(call.make(client))
        await server.has_received(1)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await client.tasks.status("t1")


@both_calls
async def test_timeout_of_the_caller_is_a_plain_timeout_error(
    server: ScriptedServer, call: Call
) -> None:
    server.script(Step(then="hang"))
    async with client_of(server.url) as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(5):
                await call.make(client)
    assert type(caught.value) is TimeoutError
    assert now() == 5


async def test_cancelled_retry_ends_at_once_with_nothing_more_sent(server: ScriptedServer) -> None:
    server.script(answer(status="502 Bad Gateway"), Step(then="hang"))
    async with client_of(server.url) as client:
        calling = asyncio.ensure_future(client.tasks.status("t1"))
        await server.has_received(2)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
    assert len(server.received) == 2


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@both_calls
async def test_call_cancelled_while_sending_ends_at_once(
    server: ScriptedServer, call: Call
) -> None:
    server.script(Step(then="deaf", on_accept=True))
    most = 2**23  # far more than a connection buffers if the server does not read
    async with client_of(server.url, token="x" * most) as client:
        calling = asyncio.ensure_future(call.make(client))
        _, sending = await asyncio.wait([calling], timeout=10)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
    assert sending
    assert now() == 10
    assert server.received == []
