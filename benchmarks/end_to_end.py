"""Many refreshes at once over real HTTP: how late results arrive, and what waiting costs.

Durations are lognormal with a median of two seconds and the same for every
contender; the server reports real progress. Lateness is the time from the end
of a task at the server to its result reaching the calling code.
"""

from __future__ import annotations

from functools import partial

from benchmarks.comparison import Row, medians, rounded
from benchmarks.processes import Measurements, run_contender, running_server

REFRESHES, ROUNDS = 2_000, 3

TITLES = {
    "ours_many": "ours, `refresh_many`",
    "ours_handles": "ours, handles and `as_completed`",
    "doubling_delays": "aiohttp + tenacity + json, a Task per refresh, delays doubling up to 30 s",
    "every_second": "the same, polling every second",
    "azure": "azure-core `AsyncLROPoller`, every 2 s",
    "google": "google-api-core `AsyncFuture`, its own retry",
}

CPU = "client CPU s"


def main(refreshes: int = REFRESHES, rounds: int = ROUNDS) -> dict[str, list[Row]]:
    """Run all contenders in turns and return their medians."""
    measured = medians(partial(_run, refreshes), list(TITLES), rounds=rounds)
    ours = measured["ours_many"]
    return {
        f"{refreshes:,} refreshes at once": [
            {
                "client": TITLES[name],
                **{title: rounded(value) for title, value in one.items()},
                "CPU, ours / this": rounded(ours[CPU] / one[CPU]),
            }
            for name, one in measured.items()
        ]
    }


def quick() -> dict[str, list[Row]]:
    """Run a hundred refreshes once."""
    return main(refreshes=100, rounds=1)


def full() -> dict[str, list[Row]]:
    """Run ten thousand refreshes once."""
    return main(refreshes=10_000, rounds=1)


def _run(refreshes: int, name: str) -> Measurements:
    with running_server("fast_server", "timed") as server:
        measured = run_contender(f"end_to_end.{name}", str(server.port), str(refreshes))
    return {"polls/task": server.counts["polls"] / refreshes, **measured}
