"""A simulator in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from altcraft_async import AltcraftClient, Retry, TransportError
from altcraft_async.simulator import ThreadedSimulator


async def refreshed(server: ThreadedSimulator) -> int | None:
    """Refresh once; return a figure."""
    async with AltcraftClient(server.url, server.token) as client:
        report = await client.resources.refresh(24, database_id=1)
        return report["email"].subscribed


def test_one_event_loop_after_another_can_use_it() -> None:
    """It belongs to none of them."""
    with ThreadedSimulator(duration=0) as server:
        first, second = asyncio.run(refreshed(server)), asyncio.run(refreshed(server))
        assert first is not None
        assert second is not None
        assert server.starts["resource", (24, 1)] == 2


def test_its_thread_ends_with_it() -> None:
    """And leaves the port free."""
    before = threading.active_count()
    with ThreadedSimulator() as server:
        port = int(server.url.rpartition(":")[2])
    assert threading.active_count() == before
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_port_that_is_taken_is_said_and_leaves_no_thread() -> None:
    """The error comes where the simulator was to start."""
    before = threading.active_count()
    with ThreadedSimulator() as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), ThreadedSimulator(port=port):
            pytest.fail("it has started")
    assert threading.active_count() == before


async def test_outage_can_be_made_from_any_loop() -> None:
    """It stops and comes back with the same address and world."""
    with ThreadedSimulator(duration=0) as server:
        async with AltcraftClient(server.url, server.token, retry=Retry(attempts=1)) as client:
            await server.stop()
            with pytest.raises(TransportError):
                await client.resources.refresh(24, database_id=1)
            await server.start()
            await client.resources.refresh(24, database_id=1)
            assert server.starts["resource", (24, 1)] == 1


async def test_it_cannot_be_started_without_its_thread() -> None:
    """`async with` is for a simulator in the caller's loop; the text says what to write."""
    with pytest.raises(RuntimeError, match="with"):
        await ThreadedSimulator().start()
