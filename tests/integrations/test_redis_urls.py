"""Every option of a Redis URL works or is refused by the constructor."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis, Sentinel

from altcraft_async import ConfigurationError
from altcraft_async.integrations.redis import RedisLedger, fleet_limit
from altcraft_async.integrations.taskiq import RefreshBroker
from tests.support.ledgers import KEY, entry_of
from tests.support.polling_until import until
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer

CERTIFICATE = Path(__file__).parents[1] / "certificate.pem"


@pytest.fixture(scope="module")
def addresses() -> Generator[dict[str, str]]:
    """A Redis that listens on TCP, TLS and a unix socket."""
    with tempfile.TemporaryDirectory() as folder:  # whose path is short enough for a socket
        tls, socket = free_port(), f"{folder}/redis.sock"
        options = {
            "unixsocket": socket,
            "tls-port": f"{tls}",
            "tls-cert-file": f"{CERTIFICATE}",
            "tls-key-file": f"{CERTIFICATE}",
            "tls-auth-clients": "no",
            "tls-ca-cert-file": f"{CERTIFICATE}",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        server = RedisServer(Path(folder), *words)
        yield {"tcp": server.url, "tls": f"rediss://127.0.0.1:{tls}", "unix": f"unix://{socket}"}
        server.stop()


async def assert_ledger_works(redis: Redis | str) -> None:
    """Write, read and iterate, several at once."""
    async with RedisLedger(redis, prefix=f"{os.urandom(8).hex()}:") as ledger:
        assert await ledger.write(entry_of(), expected=0)
        assert await asyncio.gather(*(ledger.read(KEY) for _ in range(4))) == [entry_of()] * 4
        assert [entry async for entry in ledger.entries()] == [entry_of()]


async def assert_limit_works(redis: Redis | str) -> None:
    """Reserve two slots."""
    limit = fleet_limit(redis, name=os.urandom(8).hex(), per_second=100)
    async with asyncio.timeout(10), limit:
        await limit()
        await limit()


async def assert_queue_works(url: str) -> None:
    """Send a job, take it after a pause and acknowledge it, and store a result."""
    broker = RefreshBroker(url, queue_name=os.urandom(8).hex())
    broker.idle_timeout = 20  # milliseconds, fewer than the argument may be
    job = broker.register_task(lambda: None, task_name="nothing")
    await broker.startup()
    listening = broker.listen()
    async with asyncio.timeout(10):
        taking = asyncio.ensure_future(anext(listening))
        # Longer than the socket_timeout in these tests.
        await asyncio.sleep(0.6 if "socket_timeout" in url else 0.02)
        task = await job.kiq()
        first = await taking
        await asyncio.sleep(0.03)
        broker._reclaim_at = 0.0
        again = await anext(listening)  # reclaimed, as it was not acknowledged
        for message in (first, again):
            assert broker.formatter.loads(message.data).task_id == task.task_id
        await again.ack()  # type: ignore[misc]
        await listening.aclose()
        assert await task.is_ready() is False
    await broker.shutdown()


@pytest.mark.parametrize(
    "options",
    [
        "",
        "protocol=2",
        "protocol=3",
        "protocol=3&decode_responses=true",
        "legacy_responses=false",
        "decode_responses=true",
        "decode%5fresponses=true&client_name=me",
        "encoding=utf-16&encoding_errors=ignore",
        "max_connections=2",
        "socket_timeout=0.5",
        "socket_connect_timeout=2&socket_keepalive=yes&socket_read_size=4096",
        "retry_on_timeout=true&health_check_interval=1",
        "db=3",
    ],
)
async def test_option_of_a_url_works(addresses: dict[str, str], options: str) -> None:
    url = f"{addresses['tcp']}?{options}"
    await assert_ledger_works(url)
    await assert_limit_works(url)
    await assert_queue_works(url)


async def test_single_connection_is_enough_for_all_but_the_queue(
    addresses: dict[str, str],
) -> None:
    url = f"{addresses['tcp']}?max_connections=1"
    await assert_ledger_works(url)
    await assert_limit_works(url)
    with pytest.raises(ConfigurationError, match=r"^url: max_connections has to be above 1"):
        RefreshBroker(url)


@pytest.mark.parametrize(
    "address",
    [
        "{unix}",
        "{unix}?db=3&decode_responses=true",
        f"{{tls}}?ssl_ca_certs={CERTIFICATE}&ssl_check_hostname=false",
        pytest.param("{tls}?ssl_cert_reqs=none", marks=pytest.mark.slow),
        pytest.param(
            f"{{tls}}/2?ssl_ca_path={CERTIFICATE.parent}&ssl_cert_reqs=none&protocol=3",
            marks=pytest.mark.slow,
        ),
    ],
)
async def test_tls_and_unix_sockets_work(addresses: dict[str, str], address: str) -> None:
    url = address.format(**addresses)
    await assert_ledger_works(url)
    await assert_limit_works(url)
    await assert_queue_works(url)


@pytest.mark.parametrize(
    "options", [{"protocol": 3}, {"legacy_responses": False}, {"decode_responses": True}]
)
async def test_your_own_client_works_with_any_shape_of_replies(
    addresses: dict[str, str], options: dict[str, Any]
) -> None:
    async with Redis.from_url(addresses["tcp"], **options) as redis:
        await assert_ledger_works(redis)
        await assert_limit_works(redis)


async def test_client_of_a_sentinel_works(addresses: dict[str, str], tmp_path: Path) -> None:
    port = free_port()
    settings = tmp_path / "sentinel.conf"
    master = addresses["tcp"].removeprefix("redis://").replace(":", " ")
    settings.write_text(f"port {port}\nbind 127.0.0.1\nsentinel monitor night {master} 1\n")
    program = shutil.which("redis-server")
    assert program is not None
    process = subprocess.Popen(  # noqa: ASYNC220, S603 -- found by its name
        [program, settings, "--sentinel"], stdout=subprocess.DEVNULL
    )
    try:
        sentinel = Sentinel([("127.0.0.1", port)])  # type: ignore[no-untyped-call]
        await until(partial(is_known, sentinel))
        async with sentinel.master_for("night") as redis:
            await assert_ledger_works(redis)
            await assert_limit_works(redis)
        await sentinel.sentinels[0].aclose()
    finally:
        process.terminate()
        process.wait(20)


async def is_known(sentinel: Sentinel) -> bool:
    """Tell whether the sentinel answers with the address of the master."""
    try:
        await sentinel.discover_master("night")
    except Exception:  # noqa: BLE001 -- it is starting
        return False
    return True


@pytest.mark.parametrize(
    "make",
    [RedisLedger, partial(fleet_limit, name="x", per_second=1), RefreshBroker],
    ids=["ledger", "limit", "queue"],
)
@pytest.mark.parametrize(
    "address",
    [
        "redis://localhost?retry_on_error=ConnectionError",
        "redis://localhost?retry=3",
        "redis://localhost?parser_class=Parser",
        "redis://localhost?credential_provider=mine",
        "redis://localhost?redis_connect_func=mine",
        "redis://localhost?driver_info=mine",
        "redis://localhost?socket_timeout=0",
        "redis://localhost?socket_timeout=nan",
        "redis://localhost?socket_connect_timeout=-1",
        "redis://localhost?socket_read_size=0",
        "redis://localhost?max_connections=-1",
        "redis://localhost?ssl_cert_reqs=none",
        "rediss://localhost?ssl_cert_reqs=perhaps",
        "rediss://localhost?ssl_ca_certs=/nowhere.pem",
        "rediss://localhost?ssl_ciphers=none",
        "rediss://localhost?ssl_min_version=1",
        "redis+sentinel://localhost/night",
    ],
)
def test_option_that_cannot_work_is_refused(make: Callable[[str], Any], address: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^(redis|url): has to be a URL such as"):
        make(address)
