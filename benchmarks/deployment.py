"""A platform that is no bottleneck: two processes that share a port, and nginx for TLS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from benchmarks import nginx
from benchmarks.processes import Measurements, Server, cpu_seconds, running_server

PROCESSES = 2


class Deployment(NamedTuple):
    """The servers of one contender.

    Attributes:
        url: Where the contender sends its requests.
        servers: Those that answer.
        front: The nginx before them, if there is one.
    """

    url: str
    servers: list[Server]
    front: nginx.Nginx | None

    def counts(self) -> Measurements:
        """Return what was counted until now: requests, connections, handshakes, CPU seconds."""
        sums: Counter[str] = Counter()
        for server in self.servers:
            sums.update(server.counts_now())
        pids = [server.process.pid for server in self.servers]
        if self.front is not None:
            sums["connections"] = self.front.connections()
            pids += self.front.processes()
        sums["handshakes"] = sums["connections"] if self.url.startswith("https:") else 0
        return {**sums, "CPU": sum(map(cpu_seconds, pids))}


@contextmanager
def deployed(platform: str, *, tls: bool, latency: float) -> Generator[Deployment, None, None]:
    """Run a platform of `benchmarks.servers.platforms`.

    Args:
        platform: Its name.
        tls: With nginx, or with Python's ssl where nginx is not installed.
        latency: Seconds from a request to its answer.
    """
    options = [platform, f"--latency={latency}"]
    if tls and nginx.PROGRAM is None:
        options.append(f"--certificate={nginx.CERTIFICATE}")
    with ExitStack() as stack:
        servers: list[Server] = []
        for _ in range(PROCESSES):
            port = servers[0].port if servers else 0
            server = running_server("fast_server", *options, f"--port={port}")
            servers.append(stack.enter_context(server))
        front = None
        if tls and nginx.PROGRAM is not None:
            front = stack.enter_context(nginx.running_nginx(servers[0].port))
        port = front.port if front else servers[0].port
        yield Deployment(f"http{'s' * tls}://127.0.0.1:{port}", servers, front)
