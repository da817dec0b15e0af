"""Many refreshes at once over real HTTP: how late their results come, and what waiting costs.

Durations are lognormal with a median of two seconds, the same for everybody,
and the server tells real progress. Lag is the time from the end of a task, by
the server, to its result being in the hands of the calling code.
"""

from __future__ import annotations

from benchmarks.processes import Figures, run_contender, served
from benchmarks.side_by_side import Row, median, round_off

REFRESHES, FULL = 2_000, 10_000
ROUNDS = 3

TITLES = {
    "ours_many": "ours, `refresh_many`",
    "ours_handles": "ours, handles and `as_completed`",
    "backoff": "aiohttp + tenacity + json, a Task each, pauses doubling up to 30 s",
    "constant": "the same, polling every second",
    "azure": "azure-core `AsyncLROPoller`, every 2 s",
    "google": "google-api-core `AsyncFuture`, its own retry",
}


def main(refreshes: int = REFRESHES) -> dict[str, list[Row]]:
    """Run all contenders in turns and return their medians."""
    runs: dict[str, list[Figures]] = {name: [] for name in TITLES}
    for _ in range(ROUNDS if refreshes == REFRESHES else 1):
        for name, taken in runs.items():
            taken.append(_run(name, refreshes))
    figures = {name: median(taken) for name, taken in runs.items()}
    return {
        f"{refreshes:,} refreshes at once": [
            {
                "client": TITLES[name],
                **{figure: round_off(value) for figure, value in own.items()},
                "CPU, ours / this": round_off(
                    figures["ours_many"]["client CPU s"] / own["client CPU s"]
                ),
            }
            for name, own in figures.items()
        ]
    }


def _run(name: str, refreshes: int) -> Figures:
    with served("timed") as server:
        figures = run_contender(f"refreshes.{name}", str(server.port), str(refreshes))
    return {"polls/task": server.counts["polls"] / refreshes, **figures}
