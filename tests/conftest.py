"""What every test can use: a pretend platform with a client, and a look at what is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest
from hypothesis import settings

from altcraft_async import AltcraftClient, Seen
from altcraft_async.client import ClientOptions
from altcraft_async.simulator import Simulator
from altcraft_async.simulator.chance import Curve, Duration

# Times are moved by hand, and this machine is shared: no example is too slow.
settings.register_profile("altcraft", deadline=None, max_examples=100)
settings.load_profile("altcraft")


class EverySecond:
    """A poll policy of a user's own, to the second."""

    def next_look(self, seen: Seen) -> float:  # noqa: ARG002 -- the interface
        """Return one second."""
        return 1.0


class Platform(NamedTuple):
    """A running simulator and a client of it."""

    server: Simulator
    client: AltcraftClient


class OpenPlatform(Protocol):
    """Starts a simulator with a client."""

    def __call__(
        self,
        *,
        duration: Duration = 10.0,
        curve: Curve = "linear",
        http_errors: bool = False,
        wire_format: str = "json",
        options: ClientOptions | None = None,
    ) -> AbstractAsyncContextManager[Platform]:
        """Return the context in which both run."""
        ...


@pytest.fixture(scope="session", autouse=True)
def _no_stray_loop() -> None:
    """Looptime asks for the current loop in sync tests too, which would make one and lose it."""
    asyncio.set_event_loop(None)


@pytest.fixture
def platform() -> OpenPlatform:
    """A simulator whose tasks take ten seconds, and a client that looks every second."""

    @asynccontextmanager
    async def opened(
        *,
        duration: Duration = 10.0,
        curve: Curve = "linear",
        http_errors: bool = False,
        wire_format: str = "json",
        options: ClientOptions | None = None,
    ) -> AsyncGenerator[Platform, None]:
        chosen: ClientOptions = {"poll": EverySecond(), **(options or {})}
        async with (
            Simulator(duration=duration, curve=curve, http_errors=http_errors) as server,
            AltcraftClient(
                server.url,
                server.token,
                format="xml" if wire_format == "xml" else "json",
                **chosen,
            ) as client,
        ):
            yield Platform(server, client)

    return opened


@pytest.fixture
def samples() -> Callable[[str], bytes]:
    """Reads a documented payload from `tests/samples`."""
    folder = Path(__file__).parent / "samples"
    return lambda name: (folder / name).read_bytes()


@pytest.fixture
async def nothing_left() -> AsyncGenerator[None, None]:
    """Fails the test if it leaves a task or a socket of the loop behind."""
    before, sockets = asyncio.all_tasks(), _open_files()
    yield
    for _ in range(5):  # what was closed says goodbye in the loop's next turns
        await asyncio.sleep(0)
    assert asyncio.all_tasks() - before <= {asyncio.current_task()}
    assert _open_files() <= sockets


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))
