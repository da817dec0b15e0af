"""Runs through outages and throttles.

``python -m benchmarks outage`` runs all, side by side as far as they do not disturb each
other: nearly all of their time is waiting. ``python -m benchmarks.outage --kind refused
--seconds 20 --client ours`` runs a part and prints it.

Outages are real: a server in a process of its own goes away and comes back. Throttles
are simulated in simulated time, with the client's own `Rate`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.comparison import Row
from benchmarks.outages.clients import CLIENTS, Outcome
from benchmarks.outages.server import Seen
from benchmarks.results import circumstances, render
from benchmarks.throttling.run import run as throttle
from benchmarks.throttling.senders import SENDERS
from benchmarks.throttling.servers import SERVERS

__all__ = ["main", "quick"]

UP = 2.0
"""Seconds from the first request to the outage."""

TARGETS = 300
IN_FLIGHT = 100
KINDS = ("refused", "black hole", "503", "dns")
DURATIONS = (120.0, 45.0, 20.0, 5.0)
NO_OUTAGE, FLAPPING = "none", "flapping"

STAGGER = 9.0
"""Seconds between the beginnings of two cases, so that the busy parts of few coincide."""

BAR_KNOWN = 5.0
BAR_REQUESTS = 1.0
BAR_EXTRA, BAR_SLOWDOWN = 5.0, 0.5
BAR_GOODPUT, BAR_REFUSED = 0.9, 0.05
BAR_LONGEST = 60.0

IS_LIMIT = ("bucket", "8 at once")
"""How the names of servers begin that refuse requests because of their rate."""


class Case(NamedTuple):
    """One client in one outage, or in several equal ones."""

    client: str
    kind: str
    down: float
    times: int = 1

    @property
    def title(self) -> str:
        """What the tables say."""
        if self.kind == FLAPPING:
            return f"{UP:g} s up, {self.down:g} s down, {self.times} times"
        return f"{self.kind}, {self.down:g} s" if self.times else "no outage"


class Result(NamedTuple):
    """What came of a case."""

    case: Case
    outcome: Outcome
    seen: Seen

    def additional(self, usual: float) -> float:
        """Return the seconds that it took in addition to the outage and its usual time."""
        return self.outcome.seconds - self.seen.down - usual

    def row(self, usual: float) -> Row:
        """Return a row of the table."""
        outcome, seen = self.outcome, self.seen
        return {
            "client": self.case.client,
            "outage": self.case.title,
            "right, %": round(100 * outcome.completed / TARGETS, 1),
            "failed": outcome.failed,
            "ambiguous": outcome.ambiguous,
            "started twice": seen.twice,
            "extra s": round(self.additional(usual), 1),
            "slowest known after s": round(seen.late, 1),
            "requests/s while down": round(self.requests, 2),
        }

    @property
    def requests(self) -> float:
        """Requests a second while it was down, after the first second."""
        return self.seen.requests_down / max(self.seen.down - self.seen.outages, 1.0)

    def criteria(self, usual: float) -> dict[str, tuple[float, float]]:
        """Return what was measured and what is allowed, by name."""
        rest = max(usual - UP, 0.0)
        return {
            "targets that failed": (self.outcome.failed, 0),
            "ambiguous targets": (self.outcome.ambiguous, IN_FLIGHT * self.seen.outages),
            "targets started twice": (self.seen.twice, 0),
            "extra seconds": (
                self.additional(usual),
                BAR_SLOWDOWN * rest + BAR_EXTRA * self.seen.outages,
            ),
            "seconds until the slowest task was known": (self.seen.late, BAR_KNOWN),
            "requests a second while down": (self.requests, BAR_REQUESTS),
        }


def cases(clients: Sequence[str], kinds: Sequence[str], durations: Sequence[float]) -> list[Case]:
    """Return the cases, the longest first."""
    usual = [Case(client, NO_OUTAGE, 0.0, 0) for client in clients]
    outages = [
        Case(client, kind, down)
        for down in sorted(durations, reverse=True)
        for kind in kinds
        if kind != FLAPPING
        for client in clients
    ]
    flapping = [Case(client, FLAPPING, 3.0, 10) for client in clients if FLAPPING in kinds]
    return [*usual, *outages, *flapping]


async def run(case: Case, after: float) -> Result:
    """Run one client through one outage."""
    await asyncio.sleep(after)
    up = UP if case.times else 1e6
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.outages.server"),
        *(case.kind, str(up), str(case.down), str(case.times)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdout
    port = int(await server.stdout.readline())
    url = f"http://{'platform.test' if case.kind == 'dns' else '127.0.0.1'}:{port}"
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.outages.clients"),
        *(case.client, case.kind, url, str(TARGETS)),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await client.communicate()
    seen, _ = await server.communicate(b"")
    return Result(case, Outcome(*json.loads(said)), Seen(**json.loads(seen)))


async def run_all(wanted: Sequence[Case]) -> list[Result]:
    """Run cases side by side, each a little after the one before."""
    return await asyncio.gather(*(run(one, n * STAGGER) for n, one in enumerate(wanted)))


def outage_tables(wanted: Sequence[Case]) -> dict[str, list[Row]]:
    """Run the cases and return their tables."""
    results = asyncio.run(run_all(wanted))
    usual = {one.case.client: one.outcome.seconds for one in results if not one.case.times}
    outages = [one for one in results if one.case.times]
    ours = [one for one in outages if one.case.client == "ours"]
    outages.sort(key=lambda one: (one.case.client != "ours", one.case.kind, one.case.down))
    tables = {f"{TARGETS} refreshes through an outage": [_row(one, usual) for one in outages]}
    if ours:
        tables["Criteria for ours"] = _worst(ours, usual["ours"])
    return tables


def _row(result: Result, usual: Mapping[str, float]) -> Row:
    return result.row(usual[result.case.client])


def _worst(results: Sequence[Result], usual: float) -> list[Row]:
    """Return each criterion with the case that came nearest to breaking it, or broke it."""
    rows: list[Row] = []
    for name in results[0].criteria(usual):
        worst = max(results, key=lambda one: _excess(*one.criteria(usual)[name]))
        measured, allowed = worst.criteria(usual)[name]
        rows.append(
            {
                "criterion": name,
                "required": f"≤ {allowed:.3g}",
                "worst": f"{measured:.3g}",
                "in": worst.case.title,
                "met": "yes" if measured <= allowed else "no",
            }
        )
    return rows


def _excess(measured: float, allowed: float) -> float:
    return measured - allowed


def throttle_tables() -> dict[str, list[Row]]:
    """Simulate each sender against each server."""
    rows: list[Row] = []
    for server, make_server in SERVERS.items():
        for sender, make_sender in SENDERS.items():
            outcome = throttle(make_sender(), make_server())
            is_limit = server.startswith(IS_LIMIT)
            met = outcome.goodput >= BAR_GOODPUT and outcome.longest <= BAR_LONGEST
            met &= not is_limit or outcome.refused <= BAR_REFUSED
            rows.append(
                {
                    "server": server,
                    "sender": sender,
                    "goodput / that of an oracle": f"{outcome.goodput:.1%}",
                    "refused in the long run": f"{outcome.refused:.1%}",
                    "slowest request s": round(outcome.longest, 1),
                    "met": ("yes" if met else "no") if sender == "ours" else "",
                }
            )
    return {"Throttles": rows}


def main() -> dict[str, list[Row]]:
    """Run all cases."""
    wanted = cases(list(CLIENTS), (*KINDS, FLAPPING), DURATIONS)
    return {**outage_tables(wanted), **throttle_tables()}


def quick() -> dict[str, list[Row]]:
    """Run this library alone through the shortest outages."""
    return outage_tables(cases(["ours"], KINDS, [5.0]))


def _part() -> None:
    """Run the cases that the command line asks for; end with 1 where a bar is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outage", description=__doc__)
    parser.add_argument("--kind", action="append", choices=(*KINDS, FLAPPING))
    parser.add_argument("--seconds", action="append", type=float)
    parser.add_argument("--client", action="append", choices=list(CLIENTS))
    given = parser.parse_args()
    kinds, clients = given.kind or (*KINDS, FLAPPING), given.client or list(CLIENTS)
    tables = outage_tables(cases(clients, kinds, given.seconds or DURATIONS))
    print(render("outage", circumstances(), tables))
    sys.exit(any(row.get("met") == "no" for rows in tables.values() for row in rows))


if __name__ == "__main__":
    _part()
