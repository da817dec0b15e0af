"""The processes of a benchmark: each contender alone on one core, its server on another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

Figures = dict[str, float]

_PATIENCE = 900  # seconds; no contender takes nearly as long


class Served(NamedTuple):
    """A server that runs for one contender.

    Attributes:
        port: Where it listens on 127.0.0.1.
        counts: What it counted, filled when it has ended.
    """

    port: int
    counts: Figures


def run_contender(module: str, *arguments: str) -> Figures:
    """Run a contender to its end on the first core; return the figures it prints as JSON."""
    figures: Figures = json.loads(printed_by(module, *arguments))
    return figures


def printed_by(module: str, *arguments: str) -> str:
    """Run a contender to its end on the first core; return what it prints."""
    process = _start(f"benchmarks.contenders.{module}", *arguments)
    os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
    try:
        printed, _ = process.communicate(timeout=_PATIENCE)
    finally:
        process.kill()
    if process.returncode:
        msg = f"{module} {' '.join(arguments)} ended with {process.returncode}"
        raise RuntimeError(msg)
    return printed


class Sliced:
    """A contender that goes on for ever and prints its figures slice by slice.

    Between two slices it is stopped, so that others can have theirs in the
    meantime: what slows the machine down slows all of them down.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        """Start it on the first core; stop it when it has warmed up."""
        self._name = f"{module} {' '.join(arguments)}"
        self._process = _start(f"benchmarks.contenders.{module}", *arguments)
        os.sched_setaffinity(self._process.pid, {min(os.sched_getaffinity(0))})
        self._read()

    def next(self) -> Figures:
        """Let it run for one more slice and return the figures of that."""
        self._process.send_signal(signal.SIGCONT)
        return self._read()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> Figures:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            msg = f"{self._name} ended with {self._process.wait()}"
            raise RuntimeError(msg)
        self._process.send_signal(signal.SIGSTOP)
        figures: Figures = json.loads(line)
        return figures


@contextmanager
def served(kind: str, module: str = "server") -> Generator[Served, None, None]:
    """Run a server of `benchmarks.serving` on the last core."""
    process = _start(f"benchmarks.serving.{module}", kind)
    os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
    assert process.stdout is not None
    try:
        server = Served(int(process.stdout.readline()), {})
        yield server
        process.terminate()
        server.counts.update(json.loads(process.communicate(timeout=_PATIENCE)[0]))
    finally:
        process.kill()
        process.wait()


def _start(module: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 -- our own modules
