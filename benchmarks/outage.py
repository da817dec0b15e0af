"""Runs through outages and throttles: ``python -m benchmarks outage``.

Outages are real: a server in a process of its own goes away and comes back.
Throttles are simulated in simulated time, with the client's own `Rate`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence

from benchmarks.outages.clients import CLIENTS, Outcome
from benchmarks.throttling.run import run as throttle
from benchmarks.throttling.senders import SENDERS
from benchmarks.throttling.servers import SERVERS

__all__ = ["main"]

UP = 2.0
"""Seconds from the first request to the outage."""

TARGETS = 300
IN_FLIGHT = 100
KINDS = ("refused", "black hole", "503", "dns")
BAR_AMBIGUOUS = IN_FLIGHT
BAR_KNOWN = 5.0
BAR_REQUESTS = 1.0
BAR_GOODPUT, BAR_REFUSED = 0.9, 0.05


async def case(client: str, kind: str, down: float, times: int) -> dict[str, object]:
    """Run one client through one outage; return a row of the table."""
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.outages.server"),
        *(kind, str(UP), str(down), str(times)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdout
    port = int(await server.stdout.readline())
    host = "platform.test" if kind == "dns" else "127.0.0.1"
    script = f"{client},{kind},http://{host}:{port},{TARGETS}"
    began = time.time()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.outage", "--client", script),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    ended = time.time()
    seen = json.loads((await server.communicate(b""))[0])
    outcome = Outcome(*json.loads(said))
    return {
        "client": client,
        "outage": f"{kind} {down:g} s" + (f" x {times}" if times > 1 else ""),
        **outcome._asdict(),
        "started twice": seen["twice"],
        "seconds after the return": round(ended - seen["up_at"], 1),
        "known after": round(seen["late"], 1),
        "requests a second while down": round(seen["requests_down"] / seen["down"], 2),
        "seconds": round(ended - began, 1),
    }


async def outages(clients: Sequence[str], durations: Sequence[float]) -> list[dict[str, object]]:
    """Run all cases of one duration together: nearly all of their time is waiting."""
    rows: list[dict[str, object]] = []
    for client in clients:
        for down in durations:
            rows += await asyncio.gather(*(case(client, kind, down, 1) for kind in KINDS))
        rows.append(await case(client, "flapping", 3, 10))
    return rows


def throttles() -> list[dict[str, object]]:
    """Simulate each sender against each server."""
    rows: list[dict[str, object]] = []
    for server, make_server in SERVERS.items():
        for sender, make_sender in SENDERS.items():
            outcome = throttle(make_sender(), make_server())
            rows.append(
                {
                    "server": server,
                    "sender": sender,
                    "goodput": f"{outcome.goodput:.1%}",
                    "refused": f"{outcome.refused:.1%}",
                    "slowest request s": round(outcome.longest, 1),
                }
            )
    return rows


def broken(rows: Sequence[dict[str, object]]) -> list[str]:
    """Return the bars that a row of ours does not meet."""
    found: list[str] = []
    for row in rows:
        if row.get("client") == "ours":
            limits: dict[str, float] = {"failed": 0, "started twice": 0, "ambiguous": BAR_AMBIGUOUS}
            limits |= {"known after": BAR_KNOWN, "requests a second while down": BAR_REQUESTS}
            found += [
                f"{row['outage']}: {name} is {row[name]}, above {most}"
                for name, most in limits.items()
                if float(str(row[name])) > most
            ]
    return found


def table(rows: Sequence[dict[str, object]]) -> str:
    """Render rows as Markdown."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([str(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Print both tables; end with 1 where a bar is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks outage", description=__doc__)
    parser.add_argument("--durations", default="5,20,45,120", help="seconds, with commas")
    parser.add_argument("--clients", default=",".join(CLIENTS))
    parser.add_argument("--client", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        name, kind, url, targets = given.client.split(",")
        outcome = asyncio.run(_run(name, url, kind, int(targets)))
        print(json.dumps(outcome))
        return
    durations = [float(one) for one in given.durations.split(",")]
    rows = asyncio.run(outages(given.clients.split(","), durations))
    print(table(rows))
    print()
    print(table(throttles()))
    if found := broken(rows):
        print("\n".join(found))
        sys.exit(1)


async def _run(name: str, url: str, kind: str, targets: int) -> Outcome:
    return await CLIENTS[name](url, kind, targets)


if __name__ == "__main__":
    main()
