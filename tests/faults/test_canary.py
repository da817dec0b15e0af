"""The API token, a canary, shows nowhere, whatever the fault."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import warnings
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from threading import Thread

import pytest

from altcraft_async import (
    AltcraftClient,
    AltcraftError,
    ClientClosedError,
    CountersReport,
    Patience,
    Retry,
    TaskHandle,
    TaskRef,
)
from altcraft_async.cli.app import main
from altcraft_async.client import ClientOptions
from altcraft_async.protocol.token import TokenLocation
from tests.faults.canary import TOKEN_START, Canary, Frames, texts_of
from tests.faults.table import FAULTS, TIME, Fault, envelope
from tests.faults.tasks import completed, poll
from tests.support.api_calls import POLL, START, STARTED, TOKEN, WireFormat, client_of
from tests.support.scripted_server import ScriptedServer, Step, answer
from tests.support.telemetry import Telemetry

pytestmark = pytest.mark.usefixtures("both_ways")

GONE = answer(f"<html>{TOKEN}</html>", status="502 Bad Gateway", content_type="text/html")


def echoes(fault: Fault) -> bool:
    """Return whether the server sends the token back."""
    return TOKEN.encode() in fault.step.sends


async def play(  # noqa: PLR0913 -- the last two by name
    server: ScriptedServer,
    fault: Fault,
    canary: Canary,
    frames: Frames,
    *,
    way: tuple[WireFormat, TokenLocation],
    telemetry: Telemetry,
) -> None:
    """Play a fault to a start and a poll, and search the client and both errors."""
    options: ClientOptions = {
        **fault.options,
        "retry": Retry(attempts=1),
        "token_in": way[1],
        "observer": telemetry.observer,
    }
    server.script(fault.step, fault.step)
    async with client_of(server.url, wire_format=way[0], **options) as client:
        canary.inspect(
            "client", f"{client!r} {vars(client)!r} {client.resources!r} {client.tasks!r}"
        )
        for call in (START, POLL):
            with telemetry.tracer.start_as_current_span("the caller"):
                (outcome,) = await asyncio.gather(call.make(client), return_exceptions=True)
            assert isinstance(outcome, AltcraftError)
            canary.inspect_error(outcome, frames)


async def test_canary_finds_the_token_in_every_place() -> None:
    canary = Canary()
    with canary.listening():
        try:
            json.loads(f'"{TOKEN}')
        except ValueError as cause:
            error = AltcraftError(TOKEN)
            error.__cause__ = cause
            error.add_note(TOKEN)
            canary.inspect_error(error)
        logging.getLogger("aiohttp").debug("sent %s", TOKEN)
        warnings.warn(TOKEN, stacklevel=1)
    found = {where for where, _ in canary.found}
    assert found >= {"str", "repr", "args", "vars", "notes", "traceback", "pickle", "locals"}
    assert found >= {"log", "warning"}


# Format and place are independent, so two pairs cover all four values.
WAYS = pytest.mark.parametrize("way", [("json", "body"), ("xml", "header")], ids="-".join)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("way", "debug"),
    [
        pytest.param(("json", "body"), False, id="json-body"),
        pytest.param(("json", "body"), True, id="json-body-debug", marks=pytest.mark.slow),
        pytest.param(("xml", "header"), True, id="xml-header-debug", marks=pytest.mark.slow),
    ],
)
async def test_no_fault_shows_the_token(
    server: ScriptedServer, way: tuple[WireFormat, TokenLocation], *, debug: bool
) -> None:
    canary, telemetry = Canary(), Telemetry()
    with canary.listening(debug=debug):
        for fault in FAULTS.values():
            # If the server sends the token back, libraries that read the answer hold it.
            frames: Frames = "none" if echoes(fault) else "all"
            await play(server, fault, canary, frames, way=way, telemetry=telemetry)
    canary.inspect("telemetry", telemetry.told())
    assert canary.found == []
    assert canary.kinds >= {"str", "repr", "args", "vars", "traceback", "locals", "pickle"}
    assert canary.kinds >= {"telemetry", "log" if debug else "telemetry"}
    assert canary.texts > 20 * len(FAULTS)


@pytest.mark.looptime
async def test_token_sent_back_by_a_server_is_in_no_variable_of_the_package(
    server: ScriptedServer,
) -> None:
    canary, telemetry = Canary(), Telemetry()
    for fault in FAULTS.values():
        if echoes(fault):
            way: tuple[WireFormat, TokenLocation] = ("json", "body")
            await play(server, fault, canary, "ours", way=way, telemetry=telemetry)
    canary.inspect("telemetry", telemetry.told())
    assert canary.found == []


TASK = TaskRef(task_id="t1", kind="resource", target=(24, 1))
NO_PATIENCE = Patience(failures=2, seconds=0, unknown=0)


Wait = Callable[[TaskHandle[CountersReport]], Awaitable[object]]


async def for_ever(handle: TaskHandle[CountersReport]) -> object:
    """Wait without a limit."""
    return await handle


async def one_poll(handle: TaskHandle[CountersReport]) -> object:
    """Poll once."""
    return await handle.poll()


async def no_time(handle: TaskHandle[CountersReport]) -> object:
    """Wait for one poll at most."""
    return await handle.wait(timeout=0)


async def no_stall(handle: TaskHandle[CountersReport]) -> object:
    """Wait while the progress moves."""
    return await handle.wait(stall=0)


WAITS: Mapping[str, tuple[list[Step], Wait]] = {
    "polls that fail": ([GONE] * 2, for_ever),
    "a refusal": ([answer(envelope(401))], for_ever),
    "a refused poll": ([answer(envelope(403))], one_poll),
    "a lost task": ([answer(envelope(404))], for_ever),
    "a failed task": ([poll(), poll("failed")], for_ever),
    "an unusable result": ([completed({"echo": TOKEN})], for_ever),
    "a timeout": ([poll()], no_time),
    "a stall": ([poll(progress=1), poll(progress=2)], no_stall),
}
"""The answers of the server, and the wait that they end."""

ECHOES: Mapping[str, tuple[list[Step], Wait]] = {
    "a failed task": ([poll("failed", echo=TOKEN)], for_ever),
    "a status": ([poll(f"new for {TOKEN}")], no_time),
    "a note": ([poll(note=f"token={TOKEN}")], no_time),
}


async def end_of(wait: Wait, client: AltcraftClient) -> AltcraftError:
    """Return the error of a wait that has to fail."""
    (outcome,) = await asyncio.gather(wait(client.tasks.attach(TASK)), return_exceptions=True)
    assert isinstance(outcome, AltcraftError)
    return outcome


@pytest.mark.looptime
@WAYS
async def test_no_wait_shows_the_token(
    server: ScriptedServer, way: tuple[WireFormat, TokenLocation]
) -> None:
    canary, telemetry = Canary(), Telemetry()
    server.script(STARTED)
    with canary.listening():
        async with client_of(
            server.url,
            wire_format=way[0],
            token_in=way[1],
            polling_patience=NO_PATIENCE,
            observer=telemetry.observer,
        ) as client:
            handle = await client.resources.refresh_counters(24, database_id=1)
            canary.inspect("handle", f"{handle!r} {handle.ref!r} {handle.ref.to_json()!r}")
            canary.inspect("handle", pickle.dumps(handle.ref).decode("latin-1"))
            for steps, wait in WAITS.values():
                server.script(*steps)
                canary.inspect_error(await end_of(wait, client), "none")
                assert not server.unfired
            server.script(Step(then="hang"))
            waiting = asyncio.ensure_future(handle.wait())
            await asyncio.sleep(1)
        (outcome,) = await asyncio.gather(waiting, return_exceptions=True)
        assert isinstance(outcome, ClientClosedError)
        canary.inspect_error(outcome)
    assert len(telemetry.spans) >= len(WAITS)
    canary.inspect("telemetry", telemetry.told())
    assert canary.found == []


@pytest.mark.looptime
@pytest.mark.parametrize(("steps", "wait"), ECHOES.values(), ids=ECHOES)
async def test_token_in_a_status_is_in_no_error(
    server: ScriptedServer, steps: list[Step], wait: Wait
) -> None:
    canary = Canary()
    server.script(*steps)
    async with client_of(server.url) as client:
        canary.inspect_error(await end_of(wait, client), "none")
    assert canary.found == []


def test_client_refuses_to_be_pickled_or_copied() -> None:
    client = AltcraftClient("http://127.0.0.1:9", TOKEN)
    for store in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError) as refused:
            store(client)
        assert TOKEN_START not in "".join(sink for _, sink in texts_of(refused.value, "none"))


@contextmanager
def in_a_thread(server: ScriptedServer) -> Generator[None, None, None]:
    """Run a server in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(5)
        yield
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(5)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@pytest.mark.parametrize(
    ("wire_format", "arguments"),
    [
        pytest.param("json", [], id="table"),
        pytest.param("xml", ["--json"], id="json", marks=pytest.mark.slow),
    ],
)
def test_command_line_shows_no_token(
    wire_format: str,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = ScriptedServer()
    played = 0
    with in_a_thread(server):
        monkeypatch.setenv("ALTCRAFT_URL", server.url)
        monkeypatch.setenv("ALTCRAFT_TOKEN", TOKEN)
        monkeypatch.setenv("ALTCRAFT_FORMAT", wire_format)
        for name, fault in FAULTS.items():
            # Slow and retried faults would take real time here.
            if name in TIME or fault.starts > 1 or fault.options:
                continue
            played += 1
            server.script(fault.step)
            code = main(["refresh", "24", "--database-id", "1", *arguments])
            out, err = capsys.readouterr()
            assert code > 2, name
            assert out == ""
            assert err.startswith("altcraft: resources/refresh_counters: ")
            assert TOKEN_START not in err
            assert not server.unfired
    assert played == 66
