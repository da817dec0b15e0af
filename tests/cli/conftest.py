"""Runs `altcraft` in this process, on a terminal, or as a process, against a simulator."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Self

import pytest

import altcraft_async
from altcraft_async.cli.app import main
from altcraft_async.simulator import Fault, ThreadedSimulator
from tests.support.forked_command import CommandServer, ForkedCommand
from tests.support.named_runs import run

ROOT = Path(altcraft_async.__file__).parents[1]

# A developer's shell or a CI may set these, and they change what is printed.
UNWANTED = (
    *("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"),
    *("ALTCRAFT_URL", "ALTCRAFT_TOKEN", "ALTCRAFT_FORMAT", "ALTCRAFT_PROFILE"),
)


class PseudoTerminal:
    """A terminal to print on: ``descriptor`` while it is open, ``text`` afterwards."""

    def __init__(self) -> None:
        """Open it."""
        self._reading, self.descriptor = pty.openpty()
        self._read = bytearray()
        self._reader = Thread(target=self._read_all)

    def __enter__(self) -> Self:
        """Start reading."""
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Read until the last process has closed it."""
        os.close(self.descriptor)
        self._reader.join(5)
        os.close(self._reading)

    def type(self, text: str) -> None:
        """Send what a person types."""
        os.write(self._reading, text.encode())

    def _read_all(self) -> None:
        try:
            while chunk := os.read(self._reading, 4096):
                self._read += chunk
        except OSError:  # how Linux reports that all writers have closed
            pass

    def wait_for(self, text: str) -> None:
        """Wait until this was printed; 30 s allow for a busy machine."""
        deadline = time.monotonic() + 30
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            time.sleep(0.01)

    @property
    def text(self) -> str:
        """What was printed."""
        return self._read.decode()


@pytest.fixture(autouse=True)
def plain_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set the environment of an ordinary terminal without an account or profiles."""
    for name in UNWANTED:
        monkeypatch.delenv(name, raising=False)
    # A third of a short command is reading the system's certificates, as aiohttp does when loaded.
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("LINES", "25")


@pytest.fixture
def simulator() -> ThreadedSimulator:
    """A platform whose tasks take 0.3 s; a test file may define its own."""
    return ThreadedSimulator(duration=0.3)


@pytest.fixture
def account(
    simulator: ThreadedSimulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ThreadedSimulator]:
    """The simulator, running and set as the account in the environment."""
    with simulator:
        monkeypatch.setenv("ALTCRAFT_URL", simulator.url)
        monkeypatch.setenv("ALTCRAFT_TOKEN", simulator.token)
        yield simulator


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A file for runs, which is not there yet."""
    return tmp_path / "state" / "runs.sqlite"


@pytest.fixture
def refresh(ledger: Path) -> tuple[str, ...]:
    """A run of four targets."""
    return ("refresh", *"1234", "--database-id", "1", "--json", *run("four", ledger))


@pytest.fixture
def refusing(account: ThreadedSimulator) -> None:
    """Refuses the next three starts, so that a command ends at once."""
    account.misbehave("resources/refresh_counters", Fault.refuse(402), times=3)


@pytest.fixture
def altcraft(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line here; returns exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def terminal() -> PseudoTerminal:
    """A terminal, opened by ``with``."""
    return PseudoTerminal()


@pytest.fixture
def on_terminal(
    terminal: PseudoTerminal, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """Runs a command line here with stdout and stderr on a terminal; returns exit code and text."""

    def run(*arguments: str) -> tuple[int, str]:
        with (
            terminal,
            open(terminal.descriptor, "w", closefd=False) as screen,
            monkeypatch.context() as patch,
        ):
            patch.setattr(sys, "stdout", screen)
            patch.setattr(sys, "stderr", screen)
            code = main(arguments)
        return code, terminal.text

    return run


@pytest.fixture(scope="session")
def commands() -> Iterator[CommandServer]:
    """What `spawn` forks from."""
    with CommandServer() as server:
        yield server


@pytest.fixture
def spawn(commands: CommandServer) -> Iterator[Callable[..., ForkedCommand]]:
    """Starts a command line as a process with pipes, which is killed after the test."""
    with ExitStack() as started:

        def start(*arguments: str, **options: Any) -> ForkedCommand:  # noqa: ANN401 -- of `run`
            return started.enter_context(closing(commands.run(*arguments, **options)))

        yield start


@pytest.fixture
def spawn_anew() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Does the same with an interpreter of its own, for what depends on how Python starts."""
    with ExitStack() as started:

        def start(*arguments: str, **options: object) -> subprocess.Popen[str]:
            options = {
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                # Tests that run under `nohup` would have their processes ignore it.
                "preexec_fn": partial(signal.signal, signal.SIGHUP, signal.SIG_DFL),
                **options,
            }
            process: subprocess.Popen[str] = subprocess.Popen(  # noqa: S603 -- our own command line
                [sys.executable, "-m", "altcraft_async", *arguments],
                cwd=ROOT,
                text=True,
                **options,  # type: ignore[call-overload]  # a test knows what Popen takes
            )
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield start


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Waits until a condition holds; 30 s allow for processes that start on a busy machine."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    return wait
