"""Simulators and callers for the tests of the simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from altcraft_async.simulator import Simulator
from altcraft_async.simulator.codec import Format
from tests.support.simulator_caller import Ask, AskIn, Caller, Reply, SettableClock


@pytest.fixture(params=["json", "xml"])
def wire_format(request: pytest.FixtureRequest) -> Format:
    """Each format in turn."""
    return "xml" if request.param == "xml" else "json"


@pytest.fixture
async def ask_in() -> AsyncIterator[AskIn]:
    """Posts to any simulator in the given format."""
    async with aiohttp.ClientSession() as session:
        yield AskIn(session)


@pytest.fixture
def ask(ask_in: AskIn, wire_format: Format) -> Ask:
    """Posts to any simulator in each format in turn."""

    async def post(server: Simulator, method: str, **values: object) -> Reply:
        return await ask_in(server, wire_format, method, **values)

    return post


@pytest.fixture
def clock() -> SettableClock:
    """A clock at zero."""
    return SettableClock()


@pytest.fixture
async def caller(clock: SettableClock) -> AsyncIterator[Caller]:
    """A caller of a simulator whose tasks take two seconds of the settable clock."""
    async with (
        Simulator(clock=clock, duration=2.0) as server,
        aiohttp.ClientSession() as session,
    ):
        yield Caller(server, session)
