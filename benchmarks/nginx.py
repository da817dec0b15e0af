"""A real nginx with TLS in front of a server, where nginx is installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.processes import server_cores, start

CERTIFICATE = Path(__file__).parents[1] / "tests" / "certificate.pem"
"""For 127.0.0.1, with its key."""

KEEPALIVE_REQUESTS = 1_000
"""Requests after which nginx closes a connection; its default."""

PROGRAM = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
"""``None`` where nginx is not installed."""

# The log has a line for the first request of each connection, so its lines are the connections.
_CONFIGURATION = """
daemon off;
pid {folder}/pid;
error_log {folder}/errors;
events {{ worker_connections 4096; }}
http {{
    map $connection_requests $first {{ default 0; 1 1; }}
    log_format connection '$connection';
    access_log {folder}/connections connection if=$first;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests {requests};
    upstream platform {{ server 127.0.0.1:{behind}; keepalive 512; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        location / {{
            proxy_pass http://platform;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""

_START_TIMEOUT = 10.0  # seconds


class Nginx(NamedTuple):
    """A running nginx.

    Attributes:
        port: Its TLS port on 127.0.0.1.
        pid: Of its master process, which starts the worker.
        folder: Has its log.
    """

    port: int
    pid: int
    folder: Path

    def connections(self) -> int:
        """Return how many connections have carried a request; each took a TLS handshake."""
        return (self.folder / "connections").read_text().count("\n")

    def processes(self) -> list[int]:
        """Return the ids of the master and its workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [self.pid, *map(int, children.split())]

    def reload(self) -> None:
        """Replace the worker; the old one ends when its last request has been answered."""
        os.kill(self.pid, signal.SIGHUP)


@contextmanager
def running_nginx(behind: int) -> Generator[Nginx, None, None]:
    """Run nginx in front of the server on this port."""
    assert PROGRAM is not None
    port = _free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = _CONFIGURATION.format(
            folder=folder,
            requests=KEEPALIVE_REQUESTS,
            behind=behind,
            port=port,
            certificate=CERTIFICATE,
        )
        (folder / "configuration").write_text(text)
        command = [PROGRAM, "-e", f"{folder}/errors", "-c", f"{folder}/configuration"]
        process = start(command, cores=server_cores())
        try:
            _await_listening(process, port)
            yield Nginx(port, process.pid, folder)
        finally:
            process.terminate()
            process.communicate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_listening(process: subprocess.Popen[str], port: int) -> None:
    until = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    msg = "nginx did not start"
    raise RuntimeError(msg)
