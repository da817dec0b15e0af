"""A real redis-server for tests."""

from __future__ import annotations

import atexit
import signal
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.backoff import NoBackoff

from tests.support.ports import free_port
from tests.support.programs import needed_program

__all__ = ["RedisServer", "retry_without_delays", "shared_redis"]

PATIENCE = 20.0
"""Seconds that a start or a stop may take on a busy machine."""

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
"""As the guide on many workers demands: each write is on the disk before it is answered."""


class RedisServer:
    """A server on its own port that can be stopped, started again and frozen.

    Attributes:
        url: Its address.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        """Start it, with `DURABLE` by default."""
        self._folder = folder
        self._options = options or DURABLE
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}"
        self.start()

    def stop(self) -> None:
        """Stop it as a service manager does; its data stays in its folder."""
        self._process.send_signal(signal.SIGTERM)
        self.thaw()
        self._process.wait(PATIENCE)

    def freeze(self) -> None:
        """Let it accept connections and answer nothing, as on a machine that hangs."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def start(self) -> None:
        """Start it with the data in its folder, and wait until it answers."""
        where = ["--bind", "127.0.0.1", "--port", str(self._port), "--dir", str(self._folder)]
        self._process = subprocess.Popen(  # noqa: S603 -- found by its name
            [needed_program("redis-server", "redis-server"), *where, *self._options, "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        give_up = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self._process.kill()
                self._process.wait()
                pytest.fail("redis-server does not start")
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE) as asked:
                asked.sendall(b"PING\r\n")
                return asked.recv(5) == b"+PONG"
        except OSError:
            return False


def retry_without_delays(redis: Redis) -> None:
    """Let a client that has not connected retry as often as before, but at once."""
    redis.connection_pool.connection_kwargs["retry"]._backoff = NoBackoff()


@cache
def shared_redis() -> RedisServer:
    """Return a server that runs until the tests end; each test uses its own names in it."""
    needed_program("redis-server", "redis-server")  # skips the test before anything is acquired
    folder = tempfile.TemporaryDirectory()
    server = RedisServer(Path(folder.name), "--appendonly", "no")
    atexit.register(folder.cleanup)
    atexit.register(server.stop)  # runs first
    return server
