"""When a request is repeated, after how long, and that nothing else ever waits.

Time jumps here: a pause of a minute costs nothing and is exact.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest

from altcraft_async import ProtocolError, RateLimitedError, Retry, TransportError
from altcraft_async.protocol.codecs import FORMATS
from altcraft_async.protocol.endpoints import TASK_STATUS
from altcraft_async.protocol.token import Token
from altcraft_async.transport.context import ClientContext
from altcraft_async.transport.http import Limits, Transport
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.outage import Outage
from altcraft_async.transport.rate import Rate
from altcraft_async.transport.rate_limit import RateLimiter
from altcraft_async.transport.retry import RetryBudget
from altcraft_async.transport.sender import Sender
from tests.support.api_calls import (
    POLL,
    RUNNING,
    START,
    STARTED,
    TOKEN,
    Call,
    both_calls,
    client_of,
    failure_of,
)
from tests.support.loop_time import now
from tests.support.scripted_server import ScriptedServer, Step, answer

pytestmark = pytest.mark.looptime

RESET = Step(then="reset")


def throttled(retry_after: str) -> Step:
    """Return a refusal that asks to wait."""
    return answer('{"error": 429}', status="429 Slow", headers=[f"Retry-After: {retry_after}"])


def session_of(server: ScriptedServer, retry: Retry, chance: Callable[[], float]) -> Sender:
    """Return a session with a chance of the test's own."""
    lifecycle = Lifecycle()
    rate_limiter = RateLimiter(lifecycle, Rate())
    outage = Outage(lifecycle, patience=0.0, random=chance, notifier=None)
    context = ClientContext(
        lifecycle=lifecycle,
        retry=retry,
        retry_budget=RetryBudget(),
        random=chance,
        outage=outage,
    )
    return Sender(
        Transport(f"{server.url}/api/v1.1", limits=Limits()),
        context=context,
        rate_limiter=rate_limiter,
        token=Token(TOKEN),
        token_in="body",
        wire_format=FORMATS["json"],
        at_once=64,
    )


async def test_start_that_was_throttled_is_sent_again_and_succeeds(server: ScriptedServer) -> None:
    """A 429 was surely not acted on, so the caller need not hear of it."""
    server.script(throttled("0"), throttled("0"), STARTED)
    async with client_of(server.url) as client:
        handle = await client.resources.refresh_counters(24, database_id=1)
    assert handle.ref.task_id == "t1"
    assert len({request.body for request in server.received}) == 1


async def test_poll_that_failed_in_passing_is_sent_again_and_succeeds(
    server: ScriptedServer,
) -> None:
    """Polling changes nothing, so any passing failure may be followed by another poll."""
    server.script(RESET, answer(status="502 Bad Gateway"), RUNNING)
    async with client_of(server.url) as client:
        assert (await client.tasks.status("t1")).progress == 40


async def test_start_is_repeated_whatever_happened_where_the_caller_wants_it(
    server: ScriptedServer,
) -> None:
    """With ``ambiguous_starts`` a start is sent again though it may run twice."""
    server.script(RESET, answer(), STARTED)
    async with client_of(server.url, retry=Retry(first=0.0, ambiguous_starts=True)) as client:
        handle = await client.resources.refresh_counters(24, database_id=1)
    assert handle.ref.task_id == "t1"


async def test_outage_is_not_answered_with_ever_more_repeats(server: ScriptedServer) -> None:
    """Calls share a retry budget; once it is spent, each is sent once until some succeed."""
    calls = 150
    repeats = RetryBudget.FULL // RetryBudget.COST
    server.script(*[RESET] * (calls + repeats), *[RUNNING] * RetryBudget.COST, RESET, RUNNING)
    async with client_of(
        server.url, retry=Retry(attempts=2), connections=1, outage_patience=0
    ) as client:
        failures = await asyncio.gather(*[failure_of(POLL, client) for _ in range(calls)])
        assert all(isinstance(failure, TransportError) for failure in failures)
        assert len(server.received) == calls + repeats
        for _ in range(RetryBudget.COST + 1):
            await client.tasks.status("t1")


@both_calls
async def test_one_attempt_is_one_request(server: ScriptedServer, call: Call) -> None:
    """``attempts`` counts the first request too."""
    server.script(throttled("0"))
    async with client_of(server.url, retry=Retry(attempts=1)) as client:
        assert isinstance(await failure_of(call, client), RateLimitedError)


async def test_last_of_several_failures_is_raised(server: ScriptedServer) -> None:
    """What is raised is how it stands now, not how it began."""
    server.script(RESET, throttled("0"), answer())
    async with client_of(server.url) as client:
        assert isinstance(await failure_of(POLL, client), ProtocolError)


async def test_start_that_becomes_ambiguous_is_not_sent_again(server: ScriptedServer) -> None:
    """Each failure is judged by itself: a throttled start is repeated, a reset one not."""
    server.script(throttled("0"), RESET)
    async with client_of(server.url) as client:
        error = await failure_of(START, client)
    assert isinstance(error, TransportError)
    assert error.maybe_delivered


@both_calls
async def test_good_answer_costs_no_pause_and_no_draw(server: ScriptedServer, call: Call) -> None:
    """Where nothing fails no time passes, and what repeats is not even asked."""
    server.script(STARTED if call.starts else RUNNING)
    async with client_of(server.url, retry=Retry(first=20.0)) as client:
        await call.make(client)
    assert now() == 0


async def test_chance_is_asked_once_for_each_repeat(server: ScriptedServer) -> None:
    """The policy that makes pauses is entered after a failure, never before."""
    draws: list[float] = []

    def chance() -> float:
        draws.append(now())
        return 0.0

    session = session_of(server, Retry(), chance)
    server.script(RUNNING, RESET, RESET, RUNNING)
    await session.send(TASK_STATUS, {"task_id": "t1"})
    assert not draws
    await session.send(TASK_STATUS, {"task_id": "t1"})
    assert len(draws) == 2
    await session.aclose()


async def test_pauses_double_up_to_the_ceiling(server: ScriptedServer) -> None:
    """The scale of the pauses is ``first``, doubled each time, at most ``ceiling``."""
    retry = Retry(attempts=5, first=1.0, ceiling=5.0)
    session = session_of(server, retry, chance=lambda: 1.0)
    server.script(RESET, RESET, RESET, RESET, RUNNING)
    await session.send(TASK_STATUS, {"task_id": "t1"})
    await session.aclose()
    assert [request.at for request in server.received] == [0, 1, 3, 7, 12]


async def test_repeat_that_would_begin_too_late_is_not_made(server: ScriptedServer) -> None:
    """``total`` bounds the beginning of the last repeat, and no pause is made in vain."""
    server.script(throttled("50"), throttled("50"))
    async with client_of(server.url, retry=Retry(total=60.0)) as client:
        await failure_of(POLL, client)
    assert now() == 50


@both_calls
async def test_wait_that_the_server_asks_for_is_made(server: ScriptedServer, call: Call) -> None:
    """``Retry-After`` in seconds is the least that is waited."""
    server.script(throttled("40"), STARTED if call.starts else RUNNING)
    async with client_of(server.url) as client:
        await call.make(client)
    assert [request.at for request in server.received] == [0, 40]


@both_calls
async def test_date_that_the_server_names_is_waited_for(server: ScriptedServer, call: Call) -> None:
    """``Retry-After`` as an HTTP date is the earliest moment of the repeat."""
    server.script(throttled(formatdate(time.time() + 40, usegmt=True)))
    server.script(STARTED if call.starts else RUNNING)
    async with client_of(server.url) as client:
        await call.make(client)
    assert 35 < server.received[1].at <= 40


async def test_wait_of_two_minutes_is_made_and_none_longer(server: ScriptedServer) -> None:
    """Above 120 seconds the caller is told, who may have better to do, however long is allowed."""
    server.script(throttled("120"), throttled("121"))
    async with client_of(server.url, retry=Retry(first=0.0, total=10_000.0)) as client:
        error = await failure_of(START, client)
    assert isinstance(error, RateLimitedError)
    assert (now(), error.retry_after) == (120, 121)


async def test_wait_that_a_408_asks_for_is_bounded_too(server: ScriptedServer) -> None:
    """No answer makes the client wait for more than two minutes."""
    server.script(answer(status="408 Request Timeout", headers=["Retry-After: 1000"]))
    async with client_of(server.url, retry=Retry(first=0.0, total=10_000.0)) as client:
        await failure_of(POLL, client)
    assert now() == 0


async def test_wait_that_a_proxys_page_asks_for_is_made(server: ScriptedServer) -> None:
    """A proxy that says 503 with a page and ``Retry-After`` is obeyed as the platform is."""
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
async def test_cancelled_pause_ends_at_once_with_nothing_more_sent(
    server: ScriptedServer, call: Call
) -> None:
    """A cancellation is not taken for a failure to be repeated."""
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
async def test_cancelled_request_ends_at_once_with_nothing_more_sent(
    server: ScriptedServer, call: Call
) -> None:
    """A request under way is given up when its caller is cancelled, and its slot is free."""
    server.script(Step(then="hang"), RUNNING)
    async with client_of(server.url, connections=1) as client:
        calling = asyncio.ensure_future(call.make(client))
        await server.has_received(1)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await client.tasks.status("t1")


@both_calls
async def test_callers_own_timeout_stays_the_callers(server: ScriptedServer, call: Call) -> None:
    """``asyncio.timeout`` around a call gives a plain ``TimeoutError``, at its time."""
    server.script(Step(then="hang"))
    async with client_of(server.url) as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(5):
                await call.make(client)
    assert type(caught.value) is TimeoutError
    assert now() == 5


async def test_cancelled_repeat_ends_at_once_with_nothing_more_sent(server: ScriptedServer) -> None:
    """What repeats takes a cancellation of its second attempt for nothing to be repeated."""
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
async def test_cancelled_sending_ends_at_once(server: ScriptedServer, call: Call) -> None:
    """A request that the server does not even read is given up in the middle."""
    server.script(Step(then="deaf", on_accept=True))
    most = 2**24  # far more than a connection holds that nobody reads from
    async with client_of(server.url, token="x" * most) as client:
        calling = asyncio.ensure_future(call.make(client))
        _, sending = await asyncio.wait([calling], timeout=10)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
    assert sending
    assert now() == 10
    assert server.received == []
