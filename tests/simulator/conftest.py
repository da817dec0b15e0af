"""Callers for the tests of the simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from altcraft_async.simulator import Simulator
from altcraft_async.simulator.codec import Format
from tests.support.simulator_caller import Ask, AskIn, Said


@pytest.fixture(params=["json", "xml"])
def form(request: pytest.FixtureRequest) -> Format:
    """Each format in turn."""
    return "xml" if request.param == "xml" else "json"


@pytest.fixture
async def ask_in() -> AsyncIterator[AskIn]:
    """Asks in the format that is named."""
    async with aiohttp.ClientSession() as session:
        yield AskIn(session)


@pytest.fixture
def ask(ask_in: AskIn, form: Format) -> Ask:
    """Asks in each format in turn."""

    async def asked(server: Simulator, method: str, **values: object) -> Said:
        return await ask_in(server, form, method, **values)

    return asked
