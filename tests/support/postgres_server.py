"""A real PostgreSQL server for tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.ports import free_port

__all__ = ["running_postgres"]

PATIENCE = 60.0
"""Seconds that a start may take on a busy machine."""


@contextmanager
def running_postgres() -> Generator[str, None, None]:
    """Run a new server on a port of its own, and yield the address of its database."""
    programs = _programs()
    # PostgreSQL refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, user)
        data, port = f"{folder}/data", str(free_port())
        make = [f"{programs}/initdb", "-D", data, "-A", "trust", "-U", "tests", "--no-sync"]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder)  # noqa: S603 -- found by its name
        options = (*("-p", port, "-h", "127.0.0.1", "-k", folder), "-F")
        server = subprocess.Popen(  # noqa: S603 -- found by its name
            [programs / "postgres", "-D", data, *options],
            stderr=subprocess.DEVNULL,
            user=user,
            cwd=folder,
        )
        try:
            _wait_for(server, int(port))
            yield f"postgresql://tests@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(PATIENCE)


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
        except OSError:
            if server.poll() is not None or time.monotonic() > give_up:
                pytest.fail("postgres does not start")
            time.sleep(0.01)
        else:
            return


def _programs() -> Path:
    """Return the folder of the server's programs, which Debian has on no path."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else Path("/usr/lib/postgresql").glob("*/bin")
    for folder in folders:
        if (folder / "postgres").exists():
            return folder
    pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
