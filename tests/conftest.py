"""What every test can use: a pretend platform, a scripted server, a poll what is left behind."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple, Protocol, cast

import pytest
from hypothesis import settings
from looptime import LoopTimeEventLoop, patch_event_loop

from altcraft_async import AltcraftClient, PollState
from altcraft_async.client import ClientOptions
from altcraft_async.simulator import Simulator
from altcraft_async.simulator.randomness import Curve, Duration
from tests.support.api_calls import Way
from tests.support.echo_server import EchoServer
from tests.support.examples import examples
from tests.support.leftovers import leaving_nothing, left_behind
from tests.support.loop_time import NOOP_CYCLES
from tests.support.ports import full
from tests.support.scripted_server import ScriptedServer

# Made for these tests and valid for a century, key included:
# openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500
#   -subj "/CN=altcraft-async tests" -addext "subjectAltName=IP:127.0.0.1"
CERTIFICATE = Path(__file__).with_name("certificate.pem")

# Times are moved by hand, and this machine is shared: no example is too slow. Derandomized, so
# that a run that passed passes again, and no commit is blamed for what another one broke.
settings.register_profile("altcraft", deadline=None, max_examples=examples(100), derandomize=True)
settings.register_profile("pure", max_examples=examples(30), deadline=None, derandomize=True)
settings.load_profile("altcraft")

SAMPLES = Path(__file__).parent / "samples"
JUMPING = pytest.StashKey[LoopTimeEventLoop]()
"""The loop of a test marked ``looptime``."""


class EverySecond:
    """A poll policy of a user's own, to the second."""

    def next_poll(self, seen: PollState) -> float:  # noqa: ARG002 -- the interface
        """Return one second."""
        return 1.0


class Platform(NamedTuple):
    """A running simulator and a client of it."""

    server: Simulator
    client: AltcraftClient


class OpenPlatform(Protocol):
    """Starts a simulator with a client."""

    def __call__(  # noqa: PLR0913 -- one argument per option, all by name
        self,
        *,
        duration: Duration = 10.0,
        resources: int = 500,
        curve: Curve = "linear",
        http_errors: bool = False,
        wire_format: str = "json",
        options: ClientOptions | None = None,
    ) -> AbstractAsyncContextManager[Platform]:
        """Return the context in which both run."""
        ...


# These two hooks replace looptime's plugin, which takes a millisecond for each fixture of any test.


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(request: pytest.FixtureRequest) -> Generator[None, object, object]:
    """Make a loop that can jump for tests marked ``looptime``, before fixtures use it."""
    made = yield
    if isinstance(made, asyncio.Runner) and request.node.get_closest_marker("looptime"):
        loop = cast("asyncio.BaseEventLoop", made.get_loop())
        request.node.stash[JUMPING] = patch_event_loop(
            loop, noop_cycles=NOOP_CYCLES, _enabled=False
        )
    return made


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Let time jump while the test itself runs, but not in its fixtures."""
    loop = pyfuncitem.stash.get(JUMPING, None)
    with nullcontext() if loop is None else loop.looptime_enabled():
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def _no_stray_loop() -> None:
    """pytest-asyncio asks for the current loop, which would make one and lose it."""
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Undo that a shell ignores SIGINT for background jobs: processes of tests inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def platform() -> OpenPlatform:
    """A simulator whose tasks take ten seconds, and a client that polls every second."""

    @asynccontextmanager
    async def opened(  # noqa: PLR0913 -- one argument per option, all by name
        *,
        duration: Duration = 10.0,
        resources: int = 500,
        curve: Curve = "linear",
        http_errors: bool = False,
        wire_format: str = "json",
        options: ClientOptions | None = None,
    ) -> AsyncGenerator[Platform, None]:
        chosen: ClientOptions = {"poll": EverySecond(), **(options or {})}
        async with (
            Simulator(
                resources=resources, duration=duration, curve=curve, http_errors=http_errors
            ) as server,
            AltcraftClient(
                server.url,
                server.token,
                format="xml" if wire_format == "xml" else "json",
                **chosen,
            ) as client,
        ):
            yield Platform(server, client)

    return opened


@pytest.fixture(scope="session")
def sample() -> Callable[[str], bytes]:
    """Reads a documented payload from `tests/samples` by its file name."""
    return lambda name: (SAMPLES / name).read_bytes()


@pytest.fixture
async def nothing_left() -> AsyncGenerator[None, None]:
    """Fails the test if it leaves a task, a socket or a timer behind."""
    async with leaving_nothing():
        yield


@pytest.fixture
async def server() -> AsyncGenerator[ScriptedServer, None]:
    """A server whose script has to be used up; after it, nothing may be left behind."""
    async with leaving_nothing(), ScriptedServer() as listening:
        yield listening
        assert not listening.unfired


@pytest.fixture
async def echo() -> AsyncGenerator[EchoServer, None]:
    """A server whose every answer says which request it belongs to; it leaves nothing behind."""
    async with leaving_nothing(), EchoServer() as listening:
        yield listening


@pytest.fixture(
    params=[
        pytest.param(True, id="fast"),
        pytest.param(False, id="session", marks=pytest.mark.slow),
    ]
)
def both_ways(request: pytest.FixtureRequest) -> Generator[None, None, None]:
    """Run a test on both ways to send a request, on the second one among the slow tests."""
    Way.fast_path = request.param
    yield
    Way.fast_path = True


@pytest.fixture
async def clean_loop() -> Callable[[], None]:
    """Asserts that no task, socket or timer is there that was not at the beginning."""
    return left_behind()


@pytest.fixture
def full_port() -> Generator[int, None, None]:
    """A port that connecting to takes for ever."""
    with full("127.0.0.1") as port:
        yield port


@pytest.fixture
def certified() -> ssl.SSLContext:
    """The context of a server with a certificate for 127.0.0.1 that nobody trusts by default."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
async def tls_server(certified: ssl.SSLContext) -> AsyncGenerator[ScriptedServer, None]:
    """A server that speaks TLS."""
    async with ScriptedServer(ssl_context=certified) as listening:
        yield listening


@pytest.fixture
def trusting() -> ssl.SSLContext:
    """A context that trusts that certificate and no other."""
    return ssl.create_default_context(cafile=CERTIFICATE)
