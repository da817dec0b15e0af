"""Refreshes on a distant platform: how late results arrive, and whether each wait gets a poll.

The server is a process of its own that holds back each request and each response. Tasks
take one to three seconds. Lateness is the time from the end of a task at the server to its
result reaching the calling code, so it is half of the latency at least.
"""

from __future__ import annotations

from functools import partial

from benchmarks.comparison import Row, medians, rounded
from benchmarks.processes import Measurements, run_contender, running_server

CASES: tuple[tuple[float, int, float | None], ...] = (
    (0.0, 1_500, None),
    (0.02, 1_500, None),
    (0.15, 1_500, 0.3),
    (0.5, 500, 0.4),
)
"""Seconds of latency, refreshes at once, and the bar for our mean lateness / by hand."""

TITLES = {
    "ours_many": "ours, `refresh_many`",
    "ours_handles": "ours, handles and `as_completed`",
    "doubling_delays": "aiohttp + tenacity + json, a Task per refresh, delays doubling up to 30 s",
    "every_second": "the same, polling every second",
}
BY_HAND = "doubling_delays"

WAITS, WAIT_LATENCY = 5_000, 1.0
MEAN = "mean lateness ms"


def main(
    cases: tuple[tuple[float, int, float | None], ...] = CASES,
    rounds: int = 3,
    waits: int = WAITS,
) -> dict[str, list[Row]]:
    """Run all contenders in turns at each latency, then the waits."""
    tables: dict[str, list[Row]] = {}
    criteria: list[Row] = []
    for latency, refreshes, bar in cases:
        measured = medians(partial(_refresh, latency, refreshes), list(TITLES), rounds=rounds)
        tables[f"{refreshes:,} refreshes at {latency * 1e3:g} ms"] = [
            {"client": TITLES[name], **{title: rounded(value) for title, value in one.items()}}
            for name, one in measured.items()
        ]
        if bar is not None:
            ratio = measured["ours_many"][MEAN] / measured[BY_HAND][MEAN]
            words = f"mean lateness at {latency * 1e3:g} ms, `refresh_many` / by hand"
            criteria.append(_criterion(words, f"≤ {bar}", rounded(ratio), met=ratio <= bar))
    unpolled = _wait(waits)["without a poll"]
    words = f"waits of 30 s without a poll, of {waits:,} at {WAIT_LATENCY:g} s"
    criteria.append(_criterion(words, "0", int(unpolled), met=not unpolled))
    return {"Criteria": criteria, **tables}


def quick() -> dict[str, list[Row]]:
    """Run each contender once with few refreshes."""
    return main(cases=((0.05, 50, None),), rounds=1, waits=100)


def _criterion(words: str, required: str, measured: float, *, met: bool) -> Row:
    return {
        "criterion": words,
        "required": required,
        "measured": measured,
        "met": "yes" if met else "no",
    }


def _refresh(latency: float, refreshes: int, name: str) -> Measurements:
    with running_server("fast_server", "uniform", str(latency)) as server:
        measured = run_contender(f"end_to_end.{name}", str(server.port), str(refreshes))
    return {"polls/task": server.counts["polls"] / refreshes, **measured}


def _wait(waits: int) -> Measurements:
    with running_server("fast_server", "fixed", str(WAIT_LATENCY)) as server:
        return run_contender("waits", str(server.port), str(waits))
