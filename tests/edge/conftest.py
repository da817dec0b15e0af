"""A scripted server for each test, and a look at what is left behind."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from tests.edge.scripted import ScriptedServer

# Made for these tests and valid for a century, key included:
# openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500
#   -subj "/CN=altcraft-async tests" -addext "subjectAltName=IP:127.0.0.1"
CERTIFICATE = Path(__file__).with_name("certificate.pem")


@pytest.fixture
async def server(clean_loop: Callable[[], None]) -> AsyncGenerator[ScriptedServer, None]:
    """A server whose script has to be used up; after it, nothing may be left behind."""
    async with ScriptedServer() as listening:
        yield listening
        assert not listening.unfired
    await _let_go()
    clean_loop()


@pytest.fixture
async def clean_loop() -> Callable[[], None]:
    """Asserts that no task, socket or timer is there that was not at the beginning."""
    loop = asyncio.get_running_loop()
    sockets = _open_sockets()

    def check() -> None:
        assert asyncio.all_tasks() <= {asyncio.current_task()}
        assert _open_sockets() <= sockets
        timers: list[asyncio.TimerHandle] = vars(loop)["_scheduled"]
        assert [timer for timer in timers if not timer.cancelled()] == []

    return check


@pytest.fixture
async def tls_server() -> AsyncGenerator[ScriptedServer, None]:
    """A server that speaks TLS, with a certificate for 127.0.0.1 that nobody trusts by default."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    async with ScriptedServer(ssl_context=context) as listening:
        yield listening


@pytest.fixture
def trusting() -> ssl.SSLContext:
    """A context that trusts that certificate and no other."""
    return ssl.create_default_context(cafile=CERTIFICATE)


async def _let_go() -> None:
    """Give what was closed the loop's next turns to say goodbye."""
    for _ in range(5):
        await asyncio.sleep(0)


def _open_sockets() -> set[str]:
    links: set[str] = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.add(str(entry.readlink()))
        except FileNotFoundError:  # the one that lists the folder
            continue
    return {link for link in links if link.startswith("socket:")}
