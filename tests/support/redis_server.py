"""A real redis-server for tests, as durable as the guide says that it has to be."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest

from tests.support.ports import free_port

PATIENCE = 20.0
"""Seconds that it may take to start or to stop, on a machine that is busy."""


class RedisServer:
    """One that writes down everything, on a port of its own.

    Attributes:
        url: Its address.
    """

    def __init__(self, folder: Path) -> None:
        """Start it."""
        self._folder = folder
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}"
        self._process = self._started()

    def stop(self) -> None:
        """Stop it as a service manager does; what it holds stays in its folder."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(PATIENCE)

    def start(self) -> None:
        """Start it again, with what it held."""
        self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        options = ["--bind", "127.0.0.1", "--port", str(self._port), "--dir", str(self._folder)]
        durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        process = subprocess.Popen(  # noqa: S603 -- a program that is looked for by its name
            [_program(), *options, *durable], stdout=subprocess.DEVNULL
        )
        give_up = time.monotonic() + PATIENCE
        while not self._answers():
            assert process.poll() is None, "redis-server has ended"
            assert time.monotonic() < give_up, "redis-server does not answer"
            time.sleep(0.01)
        return process

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE) as asked:
                asked.sendall(b"PING\r\n")
                return asked.recv(5) == b"+PONG"
        except OSError:
            return False


@cache
def shared_redis() -> RedisServer:
    """Return the one that runs until the tests are over; each test takes names of its own in it."""
    _program()  # skips the test before anything is acquired
    folder = tempfile.TemporaryDirectory()  # removed after the server has stopped
    server = RedisServer(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(server.stop)
    return server


def _program() -> str:
    program = shutil.which("redis-server")
    if program is None:
        msg = "redis-server is not installed (Debian: apt-get install redis-server)"
        # The gate installs it, so there it being absent is a failure and no reason to skip.
        (pytest.fail if os.environ.get("ALTCRAFT_CI") else pytest.skip)(msg)
    return program
