"""Bodies of feedback calls, and the ``on_feedback`` function that gets them."""

from __future__ import annotations

import asyncio
import io
import logging
from datetime import UTC, datetime

import pytest

from altcraft_async.integrations.feedback import BODY_LIMIT, FeedbackReceiver, Received
from tests.support.feedback_site import PUBLIC_URL, TIMEOUT, OpenFeedbackSite

pytestmark = pytest.mark.looptime


async def test_call_is_passed_to_on_feedback(feedback: OpenFeedbackSite) -> None:
    calls: list[Received] = []
    async with feedback(FeedbackReceiver(PUBLIC_URL, on_feedback=calls.append)) as here:
        headers = {"Content-Type": "application/json"}
        async with here.session.put(here.url, data=b'{"x": 1}', headers=headers) as response:
            assert response.status == 204
    (one,) = calls
    assert (one.kind, one.target, one.method) == ("resource", (24, 1), "PUT")
    assert (one.content_type, one.body, one.complete) == ("application/json", b'{"x": 1}', True)
    assert abs((datetime.now(UTC) - one.at).total_seconds()) < TIMEOUT


async def test_only_the_first_megabyte_of_a_body_is_kept(feedback: OpenFeedbackSite) -> None:
    calls: list[Received] = []
    async with feedback(FeedbackReceiver(PUBLIC_URL, on_feedback=calls.append)) as here:
        assert await here.call(here.url, body=io.BytesIO(bytes(10 * 2**20))) == 204
    assert (len(calls[0].body), calls[0].complete) == (BODY_LIMIT, False)


async def test_slow_body_is_read_no_longer_than_its_timeout(feedback: OpenFeedbackSite) -> None:
    calls: list[Received] = []
    receiver = FeedbackReceiver(PUBLIC_URL, on_feedback=calls.append, body_timeout=0.2)
    async with feedback(receiver) as here, here.waiting():
        reader, writer = await here.send_half_a_body()
        async with asyncio.timeout(TIMEOUT):
            assert b" 204 " in await reader.readline()
        writer.close()
        await writer.wait_closed()
        assert here.polls == 1
    assert (calls[0].body, calls[0].complete) == (b"begun", False)


async def test_disconnect_within_a_body_is_not_logged(
    feedback: OpenFeedbackSite, caplog: pytest.LogCaptureFixture
) -> None:
    """The poll is made before the body is complete, and the received part is passed on."""
    called = asyncio.Event()
    calls: list[Received] = []

    def on_feedback(received: Received) -> None:
        calls.append(received)
        called.set()

    receiver = FeedbackReceiver(PUBLIC_URL, on_feedback=on_feedback)
    async with feedback(receiver) as here, here.waiting():
        _, writer = await here.send_half_a_body()
        await here.until_polled(1)
        assert not calls
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(TIMEOUT):
            await called.wait()
    assert (calls[0].body, calls[0].complete) == (b"begun", False)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_badly_encoded_body_is_not_logged(
    feedback: OpenFeedbackSite, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[Received] = []
    async with feedback(FeedbackReceiver(PUBLIC_URL, on_feedback=calls.append)) as here:
        headers = {"Content-Encoding": "gzip"}
        async with here.session.post(here.url, data=b"hello", headers=headers) as response:
            assert response.status == 204
    assert len(calls) == 1
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_coroutine_function_is_awaited_before_the_response(
    feedback: OpenFeedbackSite,
) -> None:
    calls: list[Received] = []

    async def on_feedback(received: Received) -> None:
        await asyncio.sleep(0)
        calls.append(received)

    async with feedback(FeedbackReceiver(PUBLIC_URL, on_feedback=on_feedback)) as here:
        assert await here.call(here.url) == 204
        assert len(calls) == 1


async def test_exception_of_on_feedback_is_logged_without_the_url(
    feedback: OpenFeedbackSite, caplog: pytest.LogCaptureFixture
) -> None:
    """The task is polled, and the platform gets its response."""

    def fail(_: Received) -> None:
        msg = "a bug of the user"
        raise RuntimeError(msg)

    receiver = FeedbackReceiver(PUBLIC_URL, on_feedback=fail)
    async with feedback(receiver) as here, here.waiting():
        assert await here.call(here.url) == 204
        await here.until_polled(1)
        signature = here.url.rpartition("/")[2]
    assert "a bug of the user" in caplog.text
    assert signature not in caplog.text
