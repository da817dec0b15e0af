"""Whole refreshes over real HTTP, plain and TLS: what they cost, and how late results arrive.

Durations are the same for every contender, and the server reports real
progress. Lateness is the time from the end of a task at the server to its
result reaching the calling code. The server delays its answers where a table
has latency; half of that passes before it looks at the task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import NamedTuple

from altcraft_async.api.options import CheckedOptions
from benchmarks import nginx
from benchmarks.comparison import Row, at_most, rounded
from benchmarks.cost_plot import draw
from benchmarks.deployment import deployed
from benchmarks.processes import Measurements, SlicedContender, run_contender

REFRESHES = 10_000

TITLES = {
    "ours_many": "ours, `refresh_many`",
    "ours_gather": "ours, a handle each and `gather`",
    "ours_as_completed": "ours, handles and `as_completed`",
    "by_hand": "aiohttp + tenacity + json, a Task each, delays doubling up to 30 s",
    "tuned": "tuned aiohttp + msgspec, no retries, the same delays",
    "azure": "azure-core `AsyncLROPoller`, every 2 s",
    "google": "google-api-core `AsyncFuture`, its own retry",
}
ROUNDS = ("cold", "warm")
LEARNING = {"ours_many": 2, "ours_gather": 2, "ours_as_completed": 2, "by_hand": 2}
PLAIN = {**LEARNING, "tuned": 1, "azure": 1, "google": 1}
TLS = {"ours_many": 2, "ours_gather": 1, "ours_as_completed": 1, "by_hand": 1, "tuned": 1}
FAR = {"ours_many": 1, "ours_gather": 1, "by_hand": 1, "tuned": 1}
_SOME = {"ours_many": 1, "ours_gather": 1, "by_hand": 1}
GROWING = {1_000: _SOME, 10_000: _SOME, 100_000: {"ours_many": 1}}
"""The contenders by the number of refreshes for which their cost is measured."""

LATENCIES = {0.0: 1_500, 0.02: 1_500, 0.15: 1_500, 0.5: 500}
"""Refreshes at once by latency in seconds."""

WAITS, WAIT_TIMEOUT, WAIT_LATENCY = 5_000, 30.0, 1.0

CPU, LATENESS = "client CPU s", "mean lateness ms"
CONNECTIONS, REQUESTS = "connections", "requests"

Runs = Mapping[str, Sequence[Measurements]]
"""The rounds of each contender."""


class Case(NamedTuple):
    """What the contenders of a table do.

    Attributes:
        refreshes: At once.
        contenders: How many rounds each contender makes.
        platform: The name of a platform, which says how long tasks take.
        tls: Whether requests go over TLS.
        latency: Seconds from a request to its answer.
    """

    refreshes: int
    contenders: Mapping[str, int]
    platform: str = "lognormal"
    tls: bool = False
    latency: float = 0.0


def main(refreshes: int = REFRESHES) -> dict[str, list[Row]]:
    """Compare everything, and draw how the cost grows."""
    plain = run(Case(refreshes, PLAIN))
    tls = run(Case(refreshes // 5, TLS, tls=True))
    many_tls = run(Case(refreshes, {"ours_many": 1}, tls=True))
    far = {
        latency: run(Case(at_once, FAR, "uniform", latency=latency))
        for latency, at_once in LATENCIES.items()
    }
    costs = _costs(
        {
            count: plain if count == refreshes else run(Case(count, contenders))
            for count, contenders in GROWING.items()
        }
    )
    draw({TITLES[name]: cost for name, cost in costs.items()})
    without = waits_without_a_poll(WAITS, WAIT_TIMEOUT, WAIT_LATENCY)
    waits = f"{WAITS:,} waits of {WAIT_TIMEOUT:g} s at {WAIT_LATENCY:g} s of latency"
    return {
        f"{refreshes:,} refreshes at once": _table(plain),
        "Criteria": [
            *cost_criteria(plain, tls, refreshes),
            handshakes(many_tls["ours_many"][0], refreshes),
            *far_criteria(far),
            at_most(f"{waits} without a poll", 0, without),
            growth_criterion(costs["ours_many"]),
        ],
        f"{refreshes // 5:,} refreshes at once over TLS, {_front()}": _table(tls),
        "Latency": [
            {"latency ms": rounded(1e3 * latency), "refreshes": LATENCIES[latency], **row}
            for latency, runs in far.items()
            for row in _table(runs)
        ],
        "CPU time of a refresh": _cost_rows(costs),
    }


def quick() -> dict[str, list[Row]]:
    """Run everything in its smallest size, without criteria."""
    once = dict.fromkeys(TITLES, 1)
    cases = {
        "Plain": Case(50, {**once, "ours_many": 2}, "short"),
        f"TLS, {_front()}": Case(50, {"ours_many": 1, "tuned": 1}, "short", tls=True),
        "20 ms of latency": Case(50, {"ours_many": 1, "by_hand": 1}, "short", latency=0.02),
    }
    starved = waits_without_a_poll(50, 2.0, 0.02)
    return {
        **{title: _table(run(case)) for title, case in cases.items()},
        "50 waits of 2 s": [{"without a poll": starved}],
    }


def run(case: Case) -> Runs:
    """Run each contender of a table against servers of its own."""
    return {name: _rounds(case, name, rounds) for name, rounds in case.contenders.items()}


def waits_without_a_poll(waits: int, timeout: float, latency: float) -> float:
    """Return how many waits, of so many seconds each, end without a poll."""
    with deployed("lognormal", tls=False, latency=latency) as platform:
        arguments = (platform.url, str(waits), str(timeout))
        return run_contender("end_to_end.ours_waits", *arguments)["without a poll"]


def cost_criteria(plain: Runs, tls: Runs, refreshes: int) -> list[Row]:
    """Return the criteria on CPU time and lateness without latency."""
    cold, by_hand = plain["ours_many"][0], plain["by_hand"][0]
    lateness = "mean lateness, cold"
    return [
        at_most("CPU / by hand, plain, `refresh_many`", 0.35, cold[CPU] / by_hand[CPU]),
        at_most("CPU / by hand, plain, `gather`", 0.5, plain["ours_gather"][0][CPU] / by_hand[CPU]),
        at_most(
            "CPU / by hand, TLS, `refresh_many`",
            0.5,
            tls["ours_many"][0][CPU] / tls["by_hand"][0][CPU],
        ),
        at_most(f"{lateness}, {refreshes:,} at once, ms", 60, cold[LATENESS]),
        at_most(f"{lateness} / by hand", 0.03, cold[LATENESS] / by_hand[LATENESS]),
    ]


def handshakes(measured: Measurements, refreshes: int) -> Row:
    """Return the criterion on TLS handshakes.

    The client may have as many connections for starts as for polls, and nginx
    closes each after a number of requests.
    """
    in_use = 2 * CheckedOptions().connections
    reconnects = measured[REQUESTS] // nginx.KEEPALIVE_REQUESTS
    title = f"TLS handshakes for {refreshes:,} refreshes"
    return at_most(title, in_use + reconnects, measured["handshakes"])


def far_criteria(far: Mapping[float, Runs]) -> list[Row]:
    """Return the criteria on lateness with latency."""
    return [
        at_most(
            f"mean lateness / by hand, {LATENCIES[latency]:,} at once, {latency:g} s of latency",
            limit,
            far[latency]["ours_many"][0][LATENESS] / far[latency]["by_hand"][0][LATENESS],
        )
        for latency, limit in ((0.15, 0.3), (0.5, 0.4))
    ]


def growth_criterion(costs: Mapping[int, float]) -> Row:
    """Return the criterion that a refresh costs the same however many there are."""
    title = f"CPU of a refresh, highest / lowest from {min(costs):,} to {max(costs):,} at once"
    return at_most(title, 1.1, max(costs.values()) / min(costs.values()))


def _rounds(case: Case, name: str, rounds: int) -> list[Measurements]:
    measured: list[Measurements] = []
    with deployed(case.platform, tls=case.tls, latency=case.latency) as platform:
        arguments = (platform.url, str(case.refreshes))
        with closing(SlicedContender(f"end_to_end.{name}", *arguments)) as contender:
            before = platform.counts()
            for _ in range(rounds):
                one = contender.next()
                after = platform.counts()
                counted = {title: after[title] - before[title] for title in after}
                measured.append(_measurements(one, counted, case.refreshes))
                before = after
    return measured


def _measurements(one: Measurements, counted: Measurements, refreshes: int) -> Measurements:
    wall = one.pop("wall s")
    return {
        "polls/task": counted["polls"] / refreshes,
        **one,
        CONNECTIONS: counted[CONNECTIONS],
        "handshakes": counted["handshakes"],
        "wall s": wall,
        "server busy %": 100 * counted["CPU"] / wall,
        REQUESTS: counted["starts"] + counted["polls"],
    }


def _table(runs: Runs) -> list[Row]:
    by_hand = runs["by_hand"][0][CPU] if "by_hand" in runs else None
    return [
        {
            "client": TITLES[name],
            "round": ROUNDS[number],
            **{title: rounded(value) for title, value in one.items() if title != REQUESTS},
            "CPU / by hand": rounded(one[CPU] / by_hand) if by_hand else "",
        }
        for name, rounds in runs.items()
        for number, one in enumerate(rounds)
    ]


def _costs(growth: Mapping[int, Runs]) -> dict[str, dict[int, float]]:
    """Return the CPU time of a refresh in microseconds, by contender and number of refreshes."""
    return {
        name: {
            count: 1e6 * runs[name][0][CPU] / count
            for count, runs in growth.items()
            if name in runs
        }
        for name in _SOME
    }


def _cost_rows(costs: Mapping[str, Mapping[int, float]]) -> list[Row]:
    return [
        {
            "client": TITLES[name],
            **{
                f"µs, {count:,} at once": rounded(cost[count]) if count in cost else ""
                for count in GROWING
            },
        }
        for name, cost in costs.items()
    ]


def _front() -> str:
    return "by nginx" if nginx.PROGRAM else "by Python's ssl, because nginx is not installed"
