"""`ThreadedSimulator`: its thread, its port, and use from several event loops."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from altcraft_async import AltcraftClient, Retry, TransportError
from altcraft_async.simulator import ThreadedSimulator


async def refreshed(server: ThreadedSimulator) -> int | None:
    """Refresh once and return a counter."""
    async with AltcraftClient(server.url, server.token) as client:
        report = await client.resources.refresh(24, database_id=1)
        return report["email"].subscribed


def test_several_event_loops_in_sequence_can_use_it() -> None:
    with ThreadedSimulator(duration=0) as server:
        first, second = asyncio.run(refreshed(server)), asyncio.run(refreshed(server))
        assert first is not None
        assert second is not None
        assert server.starts["resource", (24, 1)] == 2


def test_end_of_the_context_ends_the_thread_and_frees_the_port() -> None:
    before = threading.active_count()
    with ThreadedSimulator() as server:
        port = int(server.url.rpartition(":")[2])
    assert threading.active_count() == before
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_taken_port_is_an_error_and_leaves_no_thread() -> None:
    before = threading.active_count()
    with ThreadedSimulator() as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), ThreadedSimulator(port=port):
            pytest.fail("it has started")
    assert threading.active_count() == before


async def test_stop_and_start_from_another_loop_are_an_outage() -> None:
    with ThreadedSimulator(duration=0) as server:
        async with AltcraftClient(server.url, server.token, retry=Retry(attempts=1)) as client:
            await server.stop()
            with pytest.raises(TransportError):
                await client.resources.refresh(24, database_id=1)
            await server.start()
            await client.resources.refresh(24, database_id=1)
            assert server.starts["resource", (24, 1)] == 1


async def test_start_without_its_thread_is_an_error_that_says_with() -> None:
    with pytest.raises(RuntimeError, match="with"):
        await ThreadedSimulator().start()
