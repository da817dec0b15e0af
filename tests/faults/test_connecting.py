"""Failures before the first byte of a request is sent, so that a start can be retried."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from altcraft_async import (
    ApiError,
    ConfigurationError,
    RequestTimeoutError,
    Retry,
    TransportError,
)
from tests.support.api_calls import (
    POLL,
    RUNNING,
    START,
    Attempts,
    Call,
    both_alone,
    both_calls,
    client_of,
    failure_of,
    succeed,
)
from tests.support.loop_time import now
from tests.support.ports import full
from tests.support.scripted_server import ScriptedServer, Step, answer

pytestmark = [
    pytest.mark.filterwarnings("ignore:base_url. http"),
    pytest.mark.usefixtures("both_ways"),
]  # names that do not resolve


class NoNames(AbstractResolver):
    """Resolves no host."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Fail as a resolver does."""
        msg = f"{host}:{port}/{family} is not known"
        raise OSError(msg)

    async def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def closed_port() -> Generator[int, None, None]:
    """A port without a listener, bound so that no other process takes it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


class TwoAddresses(AbstractResolver):
    """Resolves a host to two addresses, the first of them dead."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return both, the dead one first."""
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in ("127.0.0.2", "127.0.0.1")
        ]

    async def close(self) -> None:
        """Do nothing."""


@both_calls
async def test_refused_connection_is_tried_three_times(call: Call, closed_port: int) -> None:
    attempts = Attempts()
    async with (
        aiohttp.ClientSession(trace_configs=[attempts]) as borrowed,
        client_of(f"http://127.0.0.1:{closed_port}", session=borrowed) as client,
    ):
        error = await failure_of(call, client)
    assert isinstance(error, TransportError)
    assert (error.maybe_delivered, error.permanent, attempts.made) == (False, False, 3)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_refused_connection_without_a_borrowed_session_is_the_same_error(
    host: str, closed_port: int
) -> None:
    async with client_of(f"http://{host}:{closed_port}") as client:
        error = await failure_of(START, client)
    assert isinstance(error, TransportError)
    assert not error.maybe_delivered
    said, _, reason = str(error).rpartition(": ")
    assert said.endswith(f": cannot connect ({host}:{closed_port}")
    assert reason in ("Connection refused)", "Cannot assign requested address)")  # without IPv6


@both_calls
async def test_unknown_host_is_looked_up_three_times(call: Call) -> None:
    attempts = Attempts()
    connector = aiohttp.TCPConnector(resolver=NoNames())
    async with (
        aiohttp.ClientSession(connector=connector, trace_configs=[attempts]) as borrowed,
        client_of("http://altcraft.invalid", session=borrowed) as client,
    ):
        error = await failure_of(call, client)
    assert isinstance(error, TransportError)
    assert (error.maybe_delivered, error.permanent, attempts.made) == (False, False, 3)
    assert "altcraft.invalid" in str(error)


@both_calls
async def test_tls_to_a_plain_port_is_not_delivered(server: ScriptedServer, call: Call) -> None:
    plain = Step(b"HTTP/1.1 400 Bad Request\r\n\r\n", "close", on_accept=True)
    server.script(*[plain] * 3)
    async with client_of(f"https://127.0.0.1:{server.port}") as client:
        error = await failure_of(call, client)
    assert isinstance(error, TransportError)
    assert (error.maybe_delivered, server.connections) == (False, 3)
    assert "TLS" in str(error)


@both_calls
async def test_untrusted_certificate_is_refused_once(
    tls_server: ScriptedServer, call: Call
) -> None:
    attempts = Attempts()
    async with (
        aiohttp.ClientSession(trace_configs=[attempts]) as borrowed,
        client_of(tls_server.url, session=borrowed) as client,
    ):
        error = await failure_of(call, client)
    assert isinstance(error, TransportError)
    assert (error.maybe_delivered, error.permanent, attempts.made) == (False, True, 1)
    assert tls_server.received == []


async def test_context_of_the_caller_counts_with_a_borrowed_session_as_well(
    tls_server: ScriptedServer, trusting: ssl.SSLContext
) -> None:
    tls_server.script(RUNNING)
    careless = aiohttp.TCPConnector(ssl=False)
    async with aiohttp.ClientSession(connector=careless) as borrowed:
        strict = ssl.create_default_context()
        async with client_of(tls_server.url, session=borrowed, ssl_context=strict) as client:
            assert isinstance(await failure_of(POLL, client), TransportError)
        assert tls_server.received == []
        async with client_of(tls_server.url, session=borrowed, ssl_context=trusting) as client:
            await POLL.make(client)


async def test_certificate_trusted_by_the_caller_is_accepted(
    tls_server: ScriptedServer, trusting: ssl.SSLContext
) -> None:
    tls_server.script(RUNNING)
    async with client_of(tls_server.url, ssl_context=trusting) as client:
        assert (await client.tasks.status("t1")).progress == 40


@pytest.mark.looptime
@both_calls
async def test_connecting_gets_half_of_the_request_timeout(call: Call, full_port: int) -> None:
    url = f"http://127.0.0.1:{full_port}"
    async with client_of(url, request_timeout=3.0, retry=Retry(attempts=1)) as client:
        error = await failure_of(call, client)
    assert isinstance(error, RequestTimeoutError)
    assert not error.permanent
    assert now() == 1.5


@pytest.mark.looptime
async def test_connect_timeout_of_a_start_is_not_delivered(full_port: int) -> None:
    url = f"http://127.0.0.1:{full_port}"
    async with client_of(url, request_timeout=3.0, retry=Retry(attempts=1)) as client:
        error = await failure_of(START, client)
    assert isinstance(error, RequestTimeoutError)
    assert not error.maybe_delivered


@pytest.mark.looptime
@both_calls
async def test_connect_timeout_is_tried_three_times(call: Call, full_port: int) -> None:
    async with client_of(f"http://127.0.0.1:{full_port}", request_timeout=3.0) as client:
        error = await failure_of(call, client)
    assert isinstance(error, RequestTimeoutError)
    assert (error.maybe_delivered, now()) == (False, 3 * 1.5)


@pytest.mark.looptime
@both_calls
async def test_dead_address_beside_a_live_one_costs_no_error(
    server: ScriptedServer, call: Call
) -> None:
    server.script(call.answered)
    connector = aiohttp.TCPConnector(resolver=TwoAddresses())
    with full("127.0.0.2", server.port):
        async with (
            aiohttp.ClientSession(connector=connector) as borrowed,
            client_of(f"http://altcraft.invalid:{server.port}", session=borrowed) as client,
        ):
            await succeed(call, client)
            # aiohttp tries the second address 0.25 s after the first.
            assert 0.25 <= now() < 0.3
    assert len(server.received) == 1


@both_calls
async def test_refused_connection_to_a_proxy_is_not_delivered(
    server: ScriptedServer, call: Call, closed_port: int
) -> None:
    attempts = Attempts()
    async with (
        aiohttp.ClientSession(
            proxy=f"http://127.0.0.1:{closed_port}", trace_configs=[attempts]
        ) as borrowed,
        client_of(server.url, session=borrowed) as client,
    ):
        error = await failure_of(call, client)
    assert isinstance(error, TransportError)
    assert (error.maybe_delivered, error.permanent, attempts.made) == (False, False, 3)
    assert server.connections == 0


@both_calls
async def test_proxy_that_requires_a_login_is_asked_once(
    server: ScriptedServer, call: Call
) -> None:
    """A 407 is permanent, and the platform never saw the request."""
    server.script(answer(status="407 Proxy Authentication Required"))
    async with (
        aiohttp.ClientSession(proxy=server.url) as borrowed,
        client_of("http://altcraft.invalid", session=borrowed) as client,
    ):
        error = await failure_of(call, client)
    assert isinstance(error, ApiError)
    assert (error.http_status, error.maybe_delivered, len(server.received)) == (407, False, 1)


@both_calls
async def test_tunnel_refused_by_a_proxy_delivers_nothing(
    server: ScriptedServer, call: Call
) -> None:
    server.script(answer(status="407 Proxy Authentication Required"))
    async with (
        aiohttp.ClientSession(proxy=server.url) as borrowed,
        client_of("https://altcraft.invalid", session=borrowed) as client,
    ):
        error = await failure_of(call, client)
    assert [request.method for request in server.received] == ["CONNECT"]
    assert isinstance(error, TransportError)
    assert (error.maybe_delivered, error.permanent) == (False, True)


@both_calls
async def test_proxy_in_the_environment_is_ignored(
    server: ScriptedServer, call: Call, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment variable must not redirect the token; a borrowed session can use a proxy."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
        monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{closed_port}")
    server.script(call.answered)
    async with client_of(server.url) as client:
        await succeed(call, client)
    assert len(server.received) == 1


@pytest.mark.looptime
@both_alone
async def test_client_idle_for_longer_than_the_request_timeout_works(
    server: ScriptedServer, call: Call
) -> None:
    """In aiohttp 3.14.0, the limit of a request covered the idle time before the next."""
    server.script(call.answered, call.answered)
    async with client_of(server.url, request_timeout=0.2) as client:
        await succeed(call, client)
        await asyncio.sleep(0.4)
        await succeed(call, client)
    assert [request.connection for request in server.received] == [1, 1]


OUT_OF_FILES = """
import asyncio, os, resource
import aiohttp
from altcraft_async import TransportError
from tests.support.api_calls import POLL, RUNNING, START, Attempts, client_of, succeed
from tests.support.loop_time import now
from tests.support.ports import full
from tests.support.scripted_server import ScriptedServer

async def main():
    async with ScriptedServer() as server:
        server.script(RUNNING)
        attempts = Attempts()
        async with (
            aiohttp.ClientSession(trace_configs=[attempts]) as borrowed,
            client_of(server.url, session=borrowed) as client,
        ):
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
            taken = []
            try:
                while True:
                    taken.append(os.dup(0))
            except OSError:
                pass
            for call in (START, POLL, POLL):
                attempts.made = 0
                try:
                    await call.make(client)
                except TransportError as error:
                    print(type(error).__name__, error.maybe_delivered, attempts.made)
            for one in taken:
                os.close(one)
            await succeed(POLL, client)
            print(len(server.received))

asyncio.run(main())
"""


def test_process_without_free_descriptors_sends_nothing_and_recovers() -> None:
    ran = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-W", "error", "-c", OUT_OF_FILES],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [*["TransportError False 3"] * 3, "1"]


@pytest.mark.parametrize(
    "host",
    ["a..b", "a" * 64 + ".localhost", "127.0.0.1\\x"],
    ids=["empty label", "long label", "backslash"],
)
async def test_impossible_host_is_a_configuration_error(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^base_url:"):
        client_of(f"http://{host}")
