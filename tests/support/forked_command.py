"""Runs command lines as processes that are forked from one that has imported everything.

Half of what a short command costs is imports. `CommandServer` starts a Python
process that does them once. For each command line it forks a keeper, which forks
the command, waits for it, and reports its process id and exit status in a pipe.
The command has its own process id, streams and environment, takes signals and
ends as any other process. Only how an interpreter starts has to be tested by a
process of its own.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import IO, NoReturn, Self

import altcraft_async

__all__ = ["CommandServer", "ForkedCommand"]

ROOT = Path(altcraft_async.__file__).parents[1]
NUMBER = struct.Struct("i")
PATIENCE = 60.0
"""Seconds that a process may take to begin on a busy machine."""

Stream = int | IO[str]


class ForkedCommand:
    """A running command line, with the part of `subprocess.Popen` that tests need.

    Attributes:
        stdout: What it prints, if that goes to a pipe.
        stderr: The same for its messages.
        returncode: How it ended, once `wait` or `communicate` has returned.
    """

    def __init__(self, status: int, stdout: IO[str] | None, stderr: IO[str] | None) -> None:
        """Read its process id from the pipe ``status``."""
        self.stdout, self.stderr = stdout, stderr
        self.returncode: int | None = None
        self._status = status
        (self._pid,) = NUMBER.unpack(self._reported(PATIENCE))

    def send_signal(self, signum: int) -> None:
        """Send a signal, unless it has ended."""
        if not select.select([self._status], [], [], 0)[0]:
            os.kill(self._pid, signum)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        if self.returncode is None:
            self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Return its exit code; of a process that a signal killed, the negative signal.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        if self.returncode is None:
            (status,) = NUMBER.unpack(self._reported(timeout))
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def communicate(self, timeout: float = PATIENCE) -> tuple[str, str]:
        """Return what it prints to pipes from now on, when it has ended."""
        with ThreadPoolExecutor() as threads:
            reading = [stream and threads.submit(stream.read) for stream in self._streams()]
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()  # which ends the reading
                raise
            out, err = (one.result() if one else "" for one in reading)
        return out, err

    def close(self) -> None:
        """Kill it and close its pipes."""
        self.kill()
        for stream in filter(None, self._streams()):
            stream.close()
        os.close(self._status)

    def _streams(self) -> tuple[IO[str] | None, IO[str] | None]:
        return self.stdout, self.stderr

    def _reported(self, timeout: float) -> bytes:
        if not select.select([self._status], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(ForkedCommand.__name__, timeout)
        return os.read(self._status, NUMBER.size)


class CommandServer:
    """The process that commands are forked from; a context manager."""

    def __init__(self) -> None:
        """Start it."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- this module
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
            )

    def __enter__(self) -> Self:
        """Return the server."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._control.close()
        self._process.wait(PATIENCE)

    def run(
        self,
        *arguments: str,
        stdout: Stream = subprocess.PIPE,
        stderr: Stream = subprocess.PIPE,
        preexec_fn: Callable[[], object] | None = None,
    ) -> ForkedCommand:
        """Run a command line in this process's environment; ``preexec_fn`` is pickled."""
        with ExitStack() as theirs:

            def pipe() -> tuple[int, int]:
                reading, writing = os.pipe()
                theirs.callback(os.close, writing)
                return reading, writing

            def stream(given: Stream) -> tuple[IO[str] | None, int]:
                if given == subprocess.PIPE:
                    reading, writing = pipe()
                    return os.fdopen(reading), writing
                return None, given if isinstance(given, int) else given.fileno()

            status, writing = pipe()
            out, out_writing = stream(stdout)
            err, err_writing = stream(out_writing if stderr == subprocess.STDOUT else stderr)
            message = pickle.dumps((arguments, dict(os.environ), preexec_fn))
            socket.send_fds(self._control, [message], [out_writing, err_writing, writing])
        return ForkedCommand(status, out, err)


def _serve(control: socket.socket) -> None:
    """Fork until the tests end; returns in each command."""
    package = import_module("altcraft_async.cli")
    for module in walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)  # also what a command loads only when it needs it
    # Tests that run under `nohup` would have their processes ignore it.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    gc.freeze()  # or each fork would copy what the collector visits
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no keeper becomes a zombie
    while True:
        message, descriptors, *_ = socket.recv_fds(control, 1 << 20, 3)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            out, err, status = descriptors
            if (command := os.fork()) != 0:
                _keep(command, status, (out, err))
            os.close(status)
            return _become(out, err, *pickle.loads(message))  # noqa: S301 -- from the tests
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(command: int, status: int, others: Sequence[int]) -> NoReturn:
    """Report a command's id and exit status."""
    for descriptor in others:
        os.close(descriptor)
    os.write(status, NUMBER.pack(command))
    os.write(status, NUMBER.pack(os.waitpid(command, 0)[1]))
    os._exit(0)


def _become(
    out: int,
    err: int,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    preexec_fn: Callable[[], object] | None,
) -> None:
    """Take the streams, environment and arguments of a command."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    for descriptor in {out, err}:
        os.close(descriptor)
    # Made anew, as a stream remembers whether it can seek.
    encoding, errors = sys.stdout.encoding, sys.stdout.errors
    sys.stdout = open(1, "w", encoding=encoding, errors=errors, closefd=False)  # noqa: SIM115 -- for good
    sys.stderr = open(2, "w", 1, encoding, errors=sys.stderr.errors, closefd=False)  # noqa: SIM115 -- the same
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments
    if preexec_fn:
        preexec_fn()


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from altcraft_async.__main__ import main

    sys.exit(main())
