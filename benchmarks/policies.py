"""How often policies poll and how late they know, simulated in virtual time without HTTP.

Lag is the time from a task's end to the poll that finds it over, as a share
of its duration. "Warm" is after a thousand finished tasks, "cold" is a policy
without any history for each task. Everything is drawn by a seed, so two runs
of the same library give the same tables. Writes the plot too.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from altcraft_async.policies.base import Learner
from benchmarks.plot import Point, draw
from benchmarks.side_by_side import Row
from benchmarks.simulation.budget import ORDERS, shared
from benchmarks.simulation.contestants import CONTESTANTS, Contestant
from benchmarks.simulation.engine import Outcome, cold, warm
from benchmarks.simulation.schedule import KnownDurations
from benchmarks.simulation.tasks import PROGRESSES, pretend

UNMEASURED, MEASURED = 1_000, 3_000
ARRIVALS = 5.0  # a second

DEFAULT = next(place for place, one in enumerate(CONTESTANTS) if one.ours)

CASES = (
    *(("lognormal", progress) for progress in PROGRESSES),
    *((durations, p) for durations in ("bimodal", "heavy-tailed") for p in ("linear", "mix")),
)

BUDGET, NEW, BUDGET_TASKS = 20.0, 4.0, 5_000  # requests a second, tasks a second, tasks
BUDGET_POLICIES = ("Adaptive()", "Constant(1)", "Constant(5)", "Exponential()", "a quarter")
BUDGET_PROGRESSES = ("linear", "mix")


class Job(NamedTuple):
    """One simulation: a policy by its place in `CONTESTANTS`, and what it polls."""

    contestant: int
    durations: str
    progress: str
    order: str = ""


def main() -> dict[str, list[Row]]:
    """Simulate everything on all cores, and draw."""
    policies = [Job(n, *case) for case in CASES for n in range(len(CONTESTANTS)) if _fits(n, case)]
    rates = [
        Job(number, "lognormal", progress, order)
        for progress in BUDGET_PROGRESSES
        for number in range(len(CONTESTANTS))
        for order in ORDERS
        if CONTESTANTS[number].label in BUDGET_POLICIES
    ]
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(_simulate, policies))
        limited = list(pool.map(_limit, rates))
    draw(
        Point(job.progress, CONTESTANTS[job.contestant], warmed)
        for job, (warmed, _) in zip(policies, found, strict=True)
        if job.durations == "lognormal"
    )
    by_case = {
        f"{durations} durations, {progress} progress": [
            _row(CONTESTANTS[job.contestant], *outcomes)
            for job, outcomes in zip(policies, found, strict=True)
            if (job.durations, job.progress) == (durations, progress)
        ]
        for durations, progress in CASES
    }
    return {
        "Adaptive(), the default": [
            {"case": case, **{k: v for k, v in rows[DEFAULT].items() if k != "policy"}}
            for case, rows in by_case.items()
        ],
        f"{BUDGET:g} requests/s shared, {NEW:g} new refreshes/s, lognormal durations": [
            _limited_row(job, outcome) for job, outcome in zip(rates, limited, strict=True)
        ],
        **by_case,
    }


def _fits(contestant: int, case: tuple[str, str]) -> bool:
    """Leave out the schedule that is made for other durations."""
    return case[0] == "lognormal" or CONTESTANTS[contestant].make is not KnownDurations


def _simulate(job: Job) -> tuple[Outcome, Outcome]:
    contestant = CONTESTANTS[job.contestant]
    tasks = pretend(job.durations, job.progress, tasks=UNMEASURED + MEASURED, rate=ARRIVALS)
    warmed = warm(contestant.make(), tasks, unmeasured=UNMEASURED)
    if not isinstance(contestant.make(), Learner):
        return warmed, warmed  # history means nothing to it
    return warmed, cold(contestant.make, tasks[UNMEASURED:])


def _limit(job: Job) -> Outcome:
    tasks = pretend(job.durations, job.progress, tasks=BUDGET_TASKS, rate=NEW)
    policy = CONTESTANTS[job.contestant].make()
    return shared(policy, tasks, order=job.order, per_second=BUDGET)


def _row(contestant: Contestant, warmed: Outcome, fresh: Outcome) -> Row:
    return {"policy": contestant.title, **_columns("warm", warmed), **_columns("cold", fresh)}


def _limited_row(job: Job, outcome: Outcome) -> Row:
    return {
        "progress": job.progress,
        "policy": CONTESTANTS[job.contestant].title,
        "served by": job.order,
        **_columns("", outcome),
    }


def _columns(prefix: str, outcome: Outcome) -> Row:
    return {
        f"{prefix} polls".strip(): round(outcome.polls, 1),
        f"{prefix} mean lag %".strip(): round(100 * outcome.mean_lag, 1),
        f"{prefix} p95 lag %".strip(): round(100 * outcome.p95_lag, 1),
    }
