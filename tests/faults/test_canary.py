"""A canary in place of the token: through every fault it must come out nowhere."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import traceback
import warnings
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Literal

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
from tests.faults.table import FAULTS, TIME, Fault, envelope
from tests.faults.tasks import completed, poll
from tests.support.api_calls import POLL, START, STARTED, TOKEN, WireFormat, client_of
from tests.support.scripted_server import ScriptedServer, Step, answer
from tests.support.telemetry import Telemetry

GONE = answer(f"<html>{TOKEN}</html>", status="502 Bad Gateway", content_type="text/html")

TELLING = TOKEN[:12]
"""Enough of the token to count as shown."""


def reasons(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that hangs on it."""
    seen: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        yield one
        left += [one.__cause__, one.__context__]
        left += one.exceptions if isinstance(one, BaseExceptionGroup) else []


Frames = Literal["all", "ours", "none"]
"""Whose variables are polled."""


def variables(error: BaseException, frames: Frames) -> Iterator[str]:
    """Yield the variables of every such frame, but for the tests' own."""
    if frames == "none":
        return
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    for frame in shown.stack:
        ours = "/altcraft_async/" in frame.filename
        if "/tests/" not in frame.filename and (ours or frames == "all"):
            where = f"{frame.filename}:{frame.name}"
            yield from (f"{where}: {name} = {one}" for name, one in (frame.locals or {}).items())


def sinks(error: BaseException, frames: Frames) -> Iterator[tuple[str, str]]:
    """Yield whatever an error tells wherever it is printed or stored, and where that is."""
    for one in reasons(error):
        yield "str", str(one)
        yield "repr", repr(one)
        yield "args", repr(one.args)
        yield "vars", repr(vars(one))
        yield "notes", repr(getattr(one, "__notes__", []))
        yield "traceback", "".join(traceback.format_exception(one))
        if isinstance(one, AltcraftError):
            yield "pickle", pickle.dumps(one).decode("latin-1")
        yield from (("locals", line) for line in variables(one, frames))


class Canary(logging.Handler):
    """Counts the texts that it saw, and keeps those that show the token."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__(logging.DEBUG)
        self.texts = 0
        self.found: list[tuple[str, str]] = []
        self.kinds: set[str] = set()

    def see(self, where: str, text: str) -> None:
        """Inspect a text."""
        self.texts += 1
        self.kinds.add(where)
        if TELLING in text:
            self.found.append((where, text))

    def emit(self, record: logging.LogRecord) -> None:
        """Inspect a record, its arguments and its traceback."""
        fields = {name: one for name, one in vars(record).items() if name.startswith("altcraft_")}
        self.see("log", f"{record.getMessage()} {record.args!r} {fields!r}")
        if record.exc_info and record.exc_info[1]:
            # While it debugs, asyncio logs how a write to a broken connection
            # failed; what it was to write is in a frame of its own, out of our reach.
            self.see_error(record.exc_info[1], "ours")

    def see_error(self, error: BaseException, frames: Frames = "all") -> None:
        """Inspect all that an error tells."""
        for where, text in sinks(error, frames):
            self.see(where, text)

    @contextmanager
    def listening(self) -> Generator[None, None, None]:
        """Inspect every log record, warning and complaint of the loop meanwhile."""
        loop, root = asyncio.get_running_loop(), logging.getLogger()
        level = root.level
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        loop.set_debug(True)
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                yield
        finally:
            loop.set_debug(False)
            root.removeHandler(self)
            root.setLevel(level)
        for one in warned:
            self.see("warning", f"{one.message} {one.source!r}")


def echoes(fault: Fault) -> bool:
    """Say whether the server sends the token back."""
    return TOKEN.encode() in fault.step.sends


async def play(
    server: ScriptedServer,
    fault: Fault,
    canary: Canary,
    frames: Frames,
    way: tuple[WireFormat, TokenLocation],
) -> None:
    """Inspect a client, and at what a start and a poll of its end with."""
    telemetry = Telemetry()
    options: ClientOptions = {
        **fault.options,
        "retry": Retry(attempts=1),
        "token_in": way[1],
        "observer": telemetry.observer,
    }
    server.script(fault.step, fault.step)
    async with client_of(server.url, wire_format=way[0], **options) as client:
        canary.see("client", f"{client!r} {vars(client)!r} {client.resources!r} {client.tasks!r}")
        for call in (START, POLL):
            with telemetry.tracer.start_as_current_span("the caller"):
                (outcome,) = await asyncio.gather(call.make(client), return_exceptions=True)
            assert isinstance(outcome, AltcraftError)
            canary.see_error(outcome, frames)
    canary.see("telemetry", telemetry.told())


async def test_canary_finds_a_token_that_shows() -> None:
    """The check itself can fail: it finds the token in every place that it polls."""
    canary = Canary()
    with canary.listening():
        try:
            json.loads(f'"{TOKEN}')
        except ValueError as cause:
            error = AltcraftError(TOKEN)
            error.__cause__ = cause
            error.add_note(TOKEN)
            canary.see_error(error)
        logging.getLogger("aiohttp").debug("sent %s", TOKEN)
        warnings.warn(TOKEN, stacklevel=1)
    found = {where for where, _ in canary.found}
    assert found >= {"str", "repr", "args", "vars", "notes", "traceback", "pickle", "locals"}
    assert found >= {"log", "warning"}


# Format and place have nothing to do with each other, so that two ways meet all four.
WAYS = pytest.mark.parametrize("way", [("json", "body"), ("xml", "header")], ids="-".join)


@pytest.mark.looptime
@WAYS
async def test_no_fault_makes_the_token_show(
    server: ScriptedServer, way: tuple[WireFormat, TokenLocation]
) -> None:
    """No text of an error, a record, a warning or a frame holds the token, whatever happens."""
    canary = Canary()
    with canary.listening():
        for fault in FAULTS.values():
            # What the server itself says of it is in the variables of those who read that.
            await play(server, fault, canary, "none" if echoes(fault) else "all", way)
    assert canary.found == []
    assert canary.kinds >= {"str", "repr", "args", "vars", "traceback", "locals", "pickle"}
    assert canary.kinds >= {"log", "telemetry"}
    assert canary.texts > 20 * len(FAULTS)


@pytest.mark.looptime
async def test_token_that_a_server_sends_back_is_in_no_variable_of_ours(
    server: ScriptedServer,
) -> None:
    """A server that echoes the token does not get it into a traceback with variables."""
    canary = Canary()
    for fault in FAULTS.values():
        if echoes(fault):
            await play(server, fault, canary, "ours", ("json", "body"))
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
    """Wait for a poll."""
    return await handle.wait(timeout=0)


async def no_rest(handle: TaskHandle[CountersReport]) -> object:
    """Wait for as long as it moves."""
    return await handle.wait(stall=0)


WAITS: Mapping[str, tuple[list[Step], Wait]] = {
    "polls that fail": ([GONE] * 2, for_ever),
    "a refusal": ([answer(envelope(401))], for_ever),
    "a refused poll": ([answer(envelope(403))], one_poll),
    "a lost task": ([answer(envelope(404))], for_ever),
    "a failed task": ([poll(), poll("failed")], for_ever),
    "an unusable result": ([completed({"echo": TOKEN})], for_ever),
    "a timeout": ([poll()], no_time),
    "a stall": ([poll(progress=1), poll(progress=2)], no_rest),
}
"""What a server answers, and the wait that it ends."""

ECHOES: Mapping[str, tuple[list[Step], Wait]] = {
    "a failed task": ([poll("failed", echo=TOKEN)], for_ever),
    "a status": ([poll(f"new for {TOKEN}")], no_time),
    "a note": ([poll(note=f"token={TOKEN}")], no_time),
}


async def end_of(wait: Wait, client: AltcraftClient) -> AltcraftError:
    """Return how a wait ends that cannot end well."""
    (outcome,) = await asyncio.gather(wait(client.tasks.attach(TASK)), return_exceptions=True)
    assert isinstance(outcome, AltcraftError)
    return outcome


@pytest.mark.looptime
@WAYS
async def test_no_wait_makes_the_token_show(
    server: ScriptedServer, way: tuple[WireFormat, TokenLocation]
) -> None:
    """Nor does the end of a wait, for whatever reason, or the closing of a client under one."""
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
            canary.see("handle", f"{handle!r} {handle.ref!r} {handle.ref.to_json()!r}")
            canary.see("handle", pickle.dumps(handle.ref).decode("latin-1"))
            for steps, wait in WAITS.values():
                server.script(*steps)
                canary.see_error(await end_of(wait, client), "none")
                assert not server.unfired
            server.script(Step(then="hang"))
            waiting = asyncio.ensure_future(handle.wait())
            await asyncio.sleep(1)
        (outcome,) = await asyncio.gather(waiting, return_exceptions=True)
        assert isinstance(outcome, ClientClosedError)
        canary.see_error(outcome)
    assert len(telemetry.spans) >= len(WAITS)
    canary.see("telemetry", telemetry.told())
    assert canary.found == []


@pytest.mark.looptime
@pytest.mark.parametrize(("steps", "wait"), ECHOES.values(), ids=ECHOES)
async def test_token_that_a_server_puts_into_a_status_is_in_no_error(
    server: ScriptedServer, steps: list[Step], wait: Wait
) -> None:
    """What is kept of a status is stored and printed with the error, so it holds no token."""
    canary = Canary()
    server.script(*steps)
    async with client_of(server.url) as client:
        canary.see_error(await end_of(wait, client), "none")
    assert canary.found == []


def test_account_is_not_pickled_or_copied() -> None:
    """What holds the token refuses to be stored, rather than to store it."""
    client = AltcraftClient("http://127.0.0.1:9", TOKEN)
    for store in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError) as refused:
            store(client)
        assert TELLING not in "".join(sink for _, sink in sinks(refused.value, "none"))


@contextmanager
def in_a_thread(server: ScriptedServer) -> Generator[None, None, None]:
    """Run a server beside the test."""
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


@pytest.mark.parametrize("arguments", [[], ["--json"]], ids=["table", "json"])
@pytest.mark.parametrize("wire_format", ["json", "xml"])
def test_command_line_shows_no_token(
    wire_format: str,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not a byte of it gets to a terminal or a file, whatever the server does to a start."""
    server = ScriptedServer()
    played = 0
    with in_a_thread(server):
        monkeypatch.setenv("ALTCRAFT_URL", server.url)
        monkeypatch.setenv("ALTCRAFT_TOKEN", TOKEN)
        monkeypatch.setenv("ALTCRAFT_FORMAT", wire_format)
        for name, fault in FAULTS.items():
            # Those that take their time, or ask to be repeated, would do so in real time here.
            if name in TIME or fault.starts > 1 or fault.options:
                continue
            played += 1
            server.script(fault.step)
            code = main(["refresh", "24", "--database-id", "1", *arguments])
            out, err = capsys.readouterr()
            assert code > 2, name
            assert out == ""
            assert err.startswith("altcraft: resources/refresh_counters: ")
            assert TELLING not in err
            assert not server.unfired
    assert played == 66
