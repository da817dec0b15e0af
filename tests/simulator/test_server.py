"""`Simulator`: token, start, stop and address."""

from __future__ import annotations

import aiohttp
import pytest

from altcraft_async.simulator import Fault, Simulator
from tests.support.simulator_caller import STATUS, Caller


def test_token_is_drawn_by_the_seed_unless_given() -> None:
    drawn = Simulator(seed=1).token
    assert drawn == Simulator(seed=1).token != Simulator(seed=2).token
    assert len(drawn) == 32
    assert int(drawn, 16)
    assert Simulator(token="mine").token == "mine"


def test_url_before_the_start_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="started"):
        _ = Simulator().url


async def test_stopped_simulator_restarts_with_the_same_address_and_tasks() -> None:
    server = Simulator()
    await server.start()
    url = server.url
    # A kept-alive connection would belong to the stopped server.
    fresh = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=fresh) as session:
        caller = Caller(server, session)
        task_id = (await caller.start())["data"]["task_id"]
        await server.stop()
        with pytest.raises(aiohttp.ClientOSError):
            await caller.start()
        await server.start()
        assert server.url == url
        assert (await caller.ask(STATUS, task_id=task_id)).json["error"] == 0
        await server.stop()
        await server.stop()


async def test_second_start_is_refused() -> None:
    async with Simulator() as server:
        with pytest.raises(RuntimeError, match="already"):
            await server.start()


async def test_start_on_a_taken_port_fails_and_can_be_tried_again() -> None:
    async with Simulator() as first:
        second = Simulator(port=int(first.url.rsplit(":", 1)[1]))
        with pytest.raises(OSError, match="address already in use"):
            await second.start()
        await first.stop()
        async with second:
            assert second.url == first.url


def test_fault_for_an_unknown_method_is_refused_with_the_known_ones() -> None:
    server = Simulator()
    with pytest.raises(ValueError, match=STATUS):
        server.misbehave("task/status", Fault.reset())
    with pytest.raises(ValueError, match=STATUS):
        server.misbehave_randomly(rate=1, faults=[Fault.reset()], methods=["task/status"])
