"""Each argument of a borrowed session is used for each request, or refused by its name."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from altcraft_async import (
    AuthenticationError,
    ConfigurationError,
    ProtocolError,
    RequestTimeoutError,
    Retry,
    TransportError,
)
from tests.support.api_calls import POLL, RUNNING, START, TOKEN, client_of, failure_of
from tests.support.scripted_server import ScriptedServer, Step, answer

LOGIN = "Basic bWU6c2VjcmV0"
ONCE = Retry(attempts=1)


async def test_base_url_is_replaced_by_that_of_the_client(server: ScriptedServer) -> None:
    server.script(RUNNING)
    async with (
        aiohttp.ClientSession(base_url="http://127.0.0.1:9/elsewhere/") as borrowed,
        client_of(server.url, session=borrowed) as client,
    ):
        await client.tasks.status("t1")
    assert server.targets == ["/api/v1.1/tasks/status"]


async def test_default_headers_are_sent_but_for_the_type_of_the_body(
    server: ScriptedServer,
) -> None:
    server.script(RUNNING)
    headers = {"X-Mine": "1", "User-Agent": "mine/1.0", "Content-Type": "text/plain"}
    async with (
        aiohttp.ClientSession(headers=headers) as borrowed,
        client_of(server.url, session=borrowed, wire_format="xml") as client,
    ):
        await POLL.make(client)
    sent = server.received[0].headers
    assert (sent["x-mine"], sent["user-agent"]) == ("1", "mine/1.0")
    assert sent["content-type"] == "application/xml"


async def test_header_that_is_skipped_is_not_sent(server: ScriptedServer) -> None:
    server.script(RUNNING)
    async with (
        aiohttp.ClientSession(skip_auto_headers=["User-Agent"]) as borrowed,
        client_of(server.url, session=borrowed) as client,
    ):
        await POLL.make(client)
    assert "user-agent" not in server.received[0].headers


async def test_cookies_are_sent_and_kept(server: ScriptedServer) -> None:
    server.script(
        answer(RUNNING.sends.split(b"\r\n\r\n")[1], headers=["Set-Cookie: NODE=a"]), RUNNING
    )
    async with (
        aiohttp.ClientSession(cookies={"MINE": "1"}) as borrowed,
        client_of(f"http://localhost:{server.port}", session=borrowed) as client,
    ):
        await POLL.make(client)
        await POLL.make(client)
    first, second = (request.headers["cookie"] for request in server.received)
    assert first == "MINE=1"
    assert set(second.split("; ")) == {"MINE=1", "NODE=a"}


@pytest.mark.filterwarnings("ignore:base_url. http")  # a name that does not resolve
async def test_proxy_of_the_environment_is_used_if_the_session_trusts_it(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url)
    server.script(RUNNING)
    async with (
        aiohttp.ClientSession(trust_env=True) as borrowed,
        client_of("http://altcraft.invalid", session=borrowed) as client,
    ):
        await POLL.make(client)
    assert server.targets == ["http://altcraft.invalid/api/v1.1/tasks/status"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Encoding", "gzip"),
        ("Expect", "100-continue"),
    ],
)
async def test_default_header_that_would_spoil_each_body_is_refused(name: str, value: str) -> None:
    async with aiohttp.ClientSession(headers={name: value}) as borrowed:
        with pytest.raises(ConfigurationError, match=f"(?i)^session: .*{name}"):
            client_of("http://127.0.0.1:9", session=borrowed)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
async def test_login_is_sent_beside_a_token_in_the_body(server: ScriptedServer) -> None:
    server.script(RUNNING)
    async with (
        aiohttp.ClientSession(auth=aiohttp.BasicAuth("me", "secret")) as borrowed,
        client_of(server.url, session=borrowed) as client,
    ):
        await POLL.make(client)
    assert server.received[0].headers["authorization"] == LOGIN


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
async def test_login_beside_a_token_in_the_header_is_refused() -> None:
    async with (
        aiohttp.ClientSession(auth=aiohttp.BasicAuth("me", "secret")) as by_argument,
        aiohttp.ClientSession(headers={"authorization": LOGIN}) as by_header,
    ):
        for borrowed in (by_argument, by_header):
            with pytest.raises(ConfigurationError, match=r"^session: .*auth.*token_in='header'"):
                client_of("http://127.0.0.1:9", session=borrowed, token_in="header")


async def test_login_of_a_netrc_file_beside_a_token_in_the_header_sends_nothing(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with (
        aiohttp.ClientSession(trust_env=True) as borrowed,
        client_of(server.url, session=borrowed, token_in="header") as client,
    ):
        failure = await failure_of(START, client)
    assert isinstance(failure, TransportError)
    assert (failure.maybe_delivered, failure.permanent) == (False, True)
    assert "netrc" in str(failure)
    assert server.connections == 0


@pytest.mark.parametrize(
    "limits", [aiohttp.ClientTimeout(total=0.2), aiohttp.ClientTimeout(sock_read=0.2)]
)
async def test_stricter_timeout_ends_a_request(
    server: ScriptedServer, limits: aiohttp.ClientTimeout
) -> None:
    server.script(Step(then="hang"))
    async with (
        aiohttp.ClientSession(timeout=limits) as borrowed,
        client_of(server.url, session=borrowed, retry=ONCE) as client,
    ):
        async with asyncio.timeout(5):
            failure = await failure_of(START, client)
    assert isinstance(failure, RequestTimeoutError)
    assert failure.maybe_delivered


@pytest.mark.parametrize(
    "limits", [aiohttp.ClientTimeout(connect=0.2), aiohttp.ClientTimeout(sock_connect=0.2)]
)
async def test_stricter_timeout_ends_connecting(
    full_port: int, limits: aiohttp.ClientTimeout
) -> None:
    async with (
        aiohttp.ClientSession(timeout=limits) as borrowed,
        client_of(f"http://127.0.0.1:{full_port}", session=borrowed, retry=ONCE) as client,
    ):
        async with asyncio.timeout(5):
            failure = await failure_of(START, client)
    assert isinstance(failure, RequestTimeoutError)
    assert not failure.maybe_delivered


async def test_looser_timeout_leaves_that_of_the_client(server: ScriptedServer) -> None:
    server.script(Step(then="hang"))
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3600)) as borrowed,
        client_of(server.url, session=borrowed, retry=ONCE, request_timeout=0.2) as client,
    ):
        async with asyncio.timeout(5):
            assert isinstance(await failure_of(START, client), RequestTimeoutError)


@pytest.mark.parametrize(("limit", "per_host"), [(1, 0), (100, 1)])
async def test_requests_beyond_the_limit_of_the_connector_wait_without_timing_out(
    server: ScriptedServer, limit: int, per_host: int
) -> None:
    """In the connector, waiting would count as connecting."""
    first = asyncio.Event()
    server.script(RUNNING._replace(after=first), *[RUNNING] * 4)
    connector = aiohttp.TCPConnector(limit=limit, limit_per_host=per_host)
    async with (
        aiohttp.ClientSession(connector=connector) as borrowed,
        client_of(server.url, session=borrowed, retry=ONCE, request_timeout=1.0) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(5):
            group.create_task(client.tasks.status("t1"))
        await server.has_received(1)
        asyncio.get_running_loop().call_later(0.7, first.set)  # longer than connecting may take
    assert server.connections == 1


@pytest.mark.parametrize(("size", "is_read"), [(8_190, False), (50_000, True)])
async def test_limit_of_headers_is_used(
    server: ScriptedServer,
    size: int,
    is_read: bool,  # noqa: FBT001 -- a column
) -> None:
    body = RUNNING.sends.split(b"\r\n\r\n")[1]
    server.script(answer(body, headers=[f"X-Huge: {'a' * 20_000}"]))
    async with (
        aiohttp.ClientSession(max_field_size=size) as borrowed,
        client_of(server.url, session=borrowed, retry=ONCE) as client,
    ):
        if is_read:
            await POLL.make(client)
        else:
            assert isinstance(await failure_of(POLL, client), ProtocolError)


async def test_session_that_raises_for_a_status_changes_no_error(server: ScriptedServer) -> None:
    server.script(answer('{"error": 401, "error_text": "no"}', status="401 Unauthorized"))
    async with (
        aiohttp.ClientSession(raise_for_status=True) as borrowed,
        client_of(server.url, session=borrowed, retry=ONCE) as client,
    ):
        assert isinstance(await failure_of(POLL, client), AuthenticationError)


async def _check(response: aiohttp.ClientResponse) -> None:
    """Check a status, as a user may."""


async def test_function_that_would_not_be_called_is_refused() -> None:
    async with aiohttp.ClientSession(raise_for_status=_check) as borrowed:
        with pytest.raises(ConfigurationError, match=r"^session: .*raise_for_status"):
            client_of("http://127.0.0.1:9", session=borrowed)


async def test_session_that_leaves_answers_compressed_is_refused() -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as borrowed:
        with pytest.raises(ConfigurationError, match=r"^session: .*auto_decompress"):
            client_of("http://127.0.0.1:9", session=borrowed)


@pytest.mark.parametrize("seconds", [0, 5.0])
async def test_keepalive_of_starts_that_a_session_cannot_have_is_refused(seconds: float) -> None:
    async with aiohttp.ClientSession() as borrowed:
        with pytest.raises(ConfigurationError, match=r"^start_keepalive: .*session"):
            client_of("http://127.0.0.1:9", session=borrowed, start_keepalive=seconds)


async def test_token_is_in_no_refusal_of_a_session() -> None:
    async with aiohttp.ClientSession(headers={"Authorization": LOGIN}) as borrowed:
        with pytest.raises(ConfigurationError) as refused:
            client_of("http://127.0.0.1:9", session=borrowed, token_in="header")
    assert TOKEN not in str(refused.value)
    assert LOGIN not in str(refused.value)
