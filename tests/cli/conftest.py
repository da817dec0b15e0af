"""A pretend platform in a thread, and `altcraft` run here, on a terminal, or as a process."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest

import altcraft_async
from altcraft_async.cli.app import main
from altcraft_async.simulator import Simulator

ROOT = Path(altcraft_async.__file__).parents[1]

# What a developer's shell or a CI may have set, and would change what is printed.
UNWANTED = ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "ALTCRAFT_FORMAT")


@pytest.fixture(autouse=True)
def plain_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin every test with an ordinary terminal's environment and no account."""
    for name in (*UNWANTED, "ALTCRAFT_URL", "ALTCRAFT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("LINES", "25")


@pytest.fixture
def simulator() -> Simulator:
    """A platform whose tasks take 0.3 s; a test file may have another."""
    return Simulator(duration=0.3)


@pytest.fixture
def server(simulator: Simulator) -> Iterator[Simulator]:
    """The simulator, running beside the test."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(simulator.start(), loop).result(5)
        yield simulator
        asyncio.run_coroutine_threadsafe(simulator.stop(), loop).result(5)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@pytest.fixture
def account(server: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The same simulator as the account in the environment."""
    monkeypatch.setenv("ALTCRAFT_URL", server.url)
    monkeypatch.setenv("ALTCRAFT_TOKEN", server.token)
    return server


@pytest.fixture
def altcraft(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command line here; gives exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Run a command line here, with a terminal as stdout and stderr; gives exit code and screen."""

    def run(*arguments: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        seen = bytearray()
        reader = Thread(target=read_all, args=(ours, seen))
        with open(theirs, "w") as screen, monkeypatch.context() as patch:  # noqa: PTH123 -- no path, a descriptor
            reader.start()
            patch.setattr(sys, "stdout", screen)
            patch.setattr(sys, "stderr", screen)
            code = main(arguments)
        reader.join(5)
        os.close(ours)
        return code, seen.decode()

    return run


@pytest.fixture
def spawn() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command line as a process of its own, with pipes; it is gone after the test."""
    with ExitStack() as started:

        def start(*arguments: str, **options: object) -> subprocess.Popen[str]:
            streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
            process: subprocess.Popen[str] = subprocess.Popen(  # noqa: S603 -- our own command line
                [sys.executable, "-m", "altcraft_async", *arguments],
                cwd=ROOT,
                text=True,
                **streams,  # type: ignore[call-overload]  # a test knows what Popen takes
            )
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield start


def read_all(descriptor: int, seen: bytearray) -> None:
    """Read a terminal until nobody writes to it any more."""
    try:
        while chunk := os.read(descriptor, 4096):
            seen += chunk
    except OSError:  # Linux's way to say that the other end is closed
        pass
