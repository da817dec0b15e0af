"""Exchanges that end with a part of the request unsent, or without an answer."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

import pytest

from altcraft_async import ApiError, ClientClosedError
from tests.support.api_calls import client_of
from tests.support.echo_server import EchoServer, start


async def test_connection_whose_request_was_refused_before_all_of_it_was_sent_is_not_kept(
    echo: EchoServer,
) -> None:
    async with client_of(echo.url, request_timeout=2.0) as client:
        with pytest.raises(ApiError, match="413"):
            await anext(aiter(client.resources.list(groups=["g" * 10_000_000])))
        assert await start(client, 2) == "t2"
    assert echo.received == [("t2", 1)]


def read_to_the_end(
    listening: socket.socket, context: ssl.SSLContext, asked: Callable[[], object]
) -> None:
    """Read a byte of a request over TLS, and then until the connection ends; never speak TLS."""
    accepted, _ = listening.accept()
    with context.wrap_socket(accepted, server_side=True) as secure:
        secure.recv(1)
        asked()
        with socket.socket(fileno=secure.detach()) as plain:
            plain.settimeout(3)
            while plain.recv(2**16):
                pass


@pytest.mark.parametrize("ending", ["cancelled", "timed out"])
async def test_request_that_ended_early_does_not_wait_for_the_end_of_tls(
    nothing_left: None,  # noqa: ARG001 -- looks after it
    certified: ssl.SSLContext,
    trusting: ssl.SSLContext,
    ending: str,
) -> None:
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        reading = asyncio.create_task(
            asyncio.to_thread(
                read_to_the_end,
                listening,
                certified,
                lambda: loop.call_soon_threadsafe(asked.set),
            )
        )
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        async with client_of(url, ssl_context=trusting, request_timeout=1.0) as client:
            ended = asyncio.ensure_future(client.resources.refresh_counters(1, database_id=1))
            await asked.wait()
            if ending == "cancelled":
                ended.cancel()
            await asyncio.wait([ended])
            await reading


async def test_client_closes_at_once_while_the_platform_does_not_read_a_large_request(
    nothing_left: None,  # noqa: ARG001 -- looks after it
) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        client = client_of(f"http://127.0.0.1:{listening.getsockname()[1]}")
        request = client.resources.list(groups=["g" * 10_000_000])
        asking = asyncio.ensure_future(anext(aiter(request)))
        accepted, _ = await loop.sock_accept(listening)
        with accepted:
            await loop.sock_recv(accepted, 1)
            async with asyncio.timeout(2):
                await client.aclose()
        with pytest.raises(ClientClosedError):
            await asking
