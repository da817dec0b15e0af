"""How many starts become ambiguous when a server closes kept connections.

A start over a kept connection that the server closes at that moment may or may
not have been delivered. A close that arrives before the start costs a new
connection only, so it must not make the start ambiguous.
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks import nginx
from benchmarks.comparison import Row, at_most
from benchmarks.contenders.starts import RELOADS
from benchmarks.processes import Measurements, run_contender, running_server

SECONDS = 20.0

LIMIT = 0.2
"""Seconds that the client keeps an idle connection for a start."""

CLOSES = "the server closes a connection"


class Case(NamedTuple):
    """When a server closes connections, and when starts are sent.

    Attributes:
        close_idle: Shortest and longest time until the server closes an idle
            connection, in seconds.
        pause: Shortest and longest time from an answer to the next start.
        first: Whether each close arrives before the next start.
    """

    close_idle: tuple[float, float]
    pause: tuple[float, float]
    first: bool = False


def _idle(share: float, *, first: bool = False) -> Case:
    """Return a case with starts around the client's limit, and closes at a share of it."""
    return Case((share * LIMIT, share * LIMIT), (0.8 * LIMIT, 1.2 * LIMIT), first)


CASES = {
    "after each answer, starts 50 ms later": Case((0, 0), (0.05, 0.05), first=True),
    "after each answer, starts at once": Case((0, 0), (0, 0)),
    "idle for 0.5 of the client's limit": _idle(0.5, first=True),
    "idle for 0.9 of the client's limit": _idle(0.9),
    "idle for the client's limit": _idle(1.0),
    "idle for 1.1 of the client's limit": _idle(1.1),
    "at random within 10 ms, starts within 10 ms": Case((0, 0.01), (0, 0.01)),
}


def main(seconds: float = SECONDS) -> dict[str, list[Row]]:
    """Send starts for so many seconds in each case."""
    measured = {title: closes(case, seconds) for title, case in CASES.items()}
    first = sum(measured[title]["ambiguous"] for title, case in CASES.items() if case.first)
    if nginx.PROGRAM is None:
        print("skipped the reloads: nginx is not installed")
    else:
        title = f"nginx, at {RELOADS} graceful reloads, starts"
        measured[f"{title} 0 to 0.1 s later"] = reloads(seconds, keepalive=LIMIT, pause=(0, 0.1))
        measured[f"{title} at once"] = reloads(seconds, keepalive=LIMIT)
        measured[f"{title} over a connection each"] = reloads(seconds, keepalive=0)
    return {
        "Starts over connections that the server closes": [
            {CLOSES: title, **{name: int(count) for name, count in one.items()}}
            for title, one in measured.items()
        ],
        "Criteria": [
            at_most("ambiguous starts where each close arrives before the start", 0, first),
            at_most(
                "starts of which the client said something wrong",
                0,
                sum(one["wrong"] for one in measured.values()),
            ),
        ],
    }


def quick() -> dict[str, list[Row]]:
    """Do the same for a second each."""
    return main(1.0)


def closes(case: Case, seconds: float) -> Measurements:
    """Send starts to a server that closes connections."""
    low, high = map(str, case.close_idle)
    with running_server("fast_server", "fixed", "--close-idle", low, high) as server:
        url = f"http://127.0.0.1:{server.port}"
        outcomes = run_contender("starts", url, str(seconds), str(LIMIT), *map(str, case.pause))
    return checked(outcomes, server.counts["starts"], server.counts["connections"])


def reloads(
    seconds: float, *, keepalive: float, pause: tuple[float, float] = (0, 0)
) -> Measurements:
    """Send starts through nginx while it is reloaded.

    A worker that ends closes the connections of which it has not read a request,
    although one may have arrived.
    """
    with (
        running_server("fast_server", "fixed") as server,
        nginx.running_nginx(server.port) as front,
    ):
        url = f"https://127.0.0.1:{front.port}"
        numbers = map(str, (seconds, keepalive, *pause, front.pid))
        outcomes = run_contender("starts", url, *numbers)
        connections = front.connections()
    return checked(outcomes, server.counts["starts"], connections)


def checked(outcomes: Measurements, received: float, connections: float) -> Measurements:
    """Add what the server counted, and how many starts that contradicts.

    Args:
        outcomes: Starts by what the client said of them.
        received: Starts that the server received.
        connections: Connections that it received them over.
    """
    happened = received - outcomes["confirmed"]
    return {
        "starts": sum(outcomes.values()),
        **outcomes,
        "happened of the ambiguous": happened,
        "wrong": max(0.0, -happened, happened - outcomes["ambiguous"]),
        "connections": connections,
    }
