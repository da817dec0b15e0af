"""The processes of a benchmark: each contender alone on one core, its server on others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

Measurements = dict[str, float]

_TIMEOUT = 900  # seconds; the slowest contender needs a fraction of that


class Server(NamedTuple):
    """A server that runs for one contender.

    Attributes:
        process: Its process.
        port: Its port on 127.0.0.1.
        counts: What it counted; filled when it has stopped.
    """

    process: subprocess.Popen[str]
    port: int
    counts: Measurements

    def counts_now(self) -> Measurements:
        """Ask what it has counted until now."""
        self.process.send_signal(signal.SIGUSR1)
        assert self.process.stdout is not None
        counted: Measurements = json.loads(self.process.stdout.readline())
        return counted


def run_contender(module: str, *arguments: str) -> Measurements:
    """Run a contender to its end; return the measurements that it prints as JSON."""
    measured: Measurements = json.loads(contender_output(module, *arguments))
    return measured


def contender_output(module: str, *arguments: str) -> str:
    """Run a contender to its end; return what it prints."""
    process = _start_contender(module, *arguments)
    try:
        output, _ = process.communicate(timeout=_TIMEOUT)
    finally:
        process.kill()
    if process.returncode:
        msg = f"{module} {' '.join(arguments)} ended with {process.returncode}"
        raise RuntimeError(msg)
    return output


class SlicedContender:
    """A contender that runs forever and prints its measurements slice by slice.

    It is stopped between two slices, so that other contenders can run in
    between and a busy machine slows all of them down.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        """Start it, and stop it when it has warmed up."""
        self._name = f"{module} {' '.join(arguments)}"
        self._process = _start_contender(module, *arguments)
        self._read()

    def next(self) -> Measurements:
        """Run one more slice and return its measurements."""
        self._process.send_signal(signal.SIGCONT)
        return self._read()

    def close(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> Measurements:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            msg = f"{self._name} ended with {self._process.wait()}"
            raise RuntimeError(msg)
        self._process.send_signal(signal.SIGSTOP)
        measured: Measurements = json.loads(line)
        return measured


@contextmanager
def running_server(module: str, *arguments: str) -> Generator[Server, None, None]:
    """Run a server of `benchmarks.servers` on the cores that contenders do not use."""
    command = [sys.executable, "-m", f"benchmarks.servers.{module}", *arguments]
    process = start(command, cores=server_cores())
    assert process.stdout is not None
    try:
        server = Server(process, int(process.stdout.readline()), {})
        yield server
        process.terminate()
        server.counts.update(json.loads(process.communicate(timeout=_TIMEOUT)[0]))
    finally:
        process.kill()
        process.wait()


def _start_contender(module: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", f"benchmarks.contenders.{module}", *arguments]
    return start(command, cores={min(os.sched_getaffinity(0))})


def server_cores() -> set[int]:
    """Return the cores that contenders do not use; the only one if there is no other."""
    cores = os.sched_getaffinity(0)
    return cores - {min(cores)} or cores


def start(command: Sequence[str], *, cores: set[int]) -> subprocess.Popen[str]:
    """Start a process on some of the cores; its output is read by the caller."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 -- our own
    os.sched_setaffinity(process.pid, cores)
    return process


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
