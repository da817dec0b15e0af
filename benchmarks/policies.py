"""How often policies poll and how late they notice the end, simulated in virtual time.

Lateness is the time from a task's end to the poll that finds it finished, as a
share of its duration. "Warm" is after a thousand finished tasks; "cold" is a
new policy for every task. Everything is drawn from seeds, so two runs of the
same library give the same tables. The benchmark draws the plot too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from altcraft_async import Adaptive
from altcraft_async.policies.base import Learner
from benchmarks.comparison import Row, at_most
from benchmarks.plot import Point, draw
from benchmarks.simulation.calls import CALLS, called, fewest_polls, nightly
from benchmarks.simulation.engine import Outcome, cold, warm
from benchmarks.simulation.policies import POLICIES, ComparedPolicy
from benchmarks.simulation.rate_limiter import EXPECTED_END, ORDERS, rate_limited
from benchmarks.simulation.schedule import OptimalSchedule
from benchmarks.simulation.tasks import PROGRESSES, simulated_tasks

ARRIVALS = 5.0  # tasks a second

DEFAULT = next(index for index, policy in enumerate(POLICIES) if policy.ours)

CASES = (
    *(("lognormal", progress) for progress in PROGRESSES),
    *((durations, p) for durations in ("bimodal", "heavy-tailed") for p in ("linear", "mixed")),
)

RATE_LIMIT, LIMITED_ARRIVALS = 20.0, 4.0  # requests a second, tasks a second
LIMITED_POLICIES = ("Adaptive()", "Constant(1)", "Constant(5)", "Exponential()", "a quarter")
LIMITED_PROGRESSES = ("linear", "mixed")
LIMITED = (
    f"{RATE_LIMIT:g} requests/s shared, {LIMITED_ARRIVALS:g} new refreshes/s, lognormal durations"
)
P95 = "p95 lateness %"

BLIND = "Tasks without progress, each polled at the times of the optimal schedule"
BLIND_COSTS = (0.2, 0.12, 0.08, 0.05, 0.03)
"""Of a poll, as shares of the duration. A fifth of the mixed tasks show no progress, so the
95th percentile of all is the 75th of these, if the others are never late."""

CALLED_CASES = (
    ("linear", "another target each"),
    ("mixed", "another target each"),
    ("mixed", "the same 200 targets every night"),
)
CALLED_BARS = {"none lost": (1.2, 1.0), "10 % lost": (1.6, 3.0)}
"""Most polls and mean lateness in percent where targets are known."""


class Size(NamedTuple):
    """How many tasks each simulation has.

    Attributes:
        warm_up: Tasks that the policy learns from before the measured ones.
        measured: Tasks that are measured.
        limited: Tasks that share a rate limit.
    """

    warm_up: int
    measured: int
    limited: int


FULL, QUICK = Size(1_000, 3_000, 5_000), Size(20, 50, 100)


class Job(NamedTuple):
    """One simulation: a policy by its index in `POLICIES`, and the tasks that it polls."""

    policy: int
    durations: str
    progress: str
    size: Size
    order: str = ""


class CalledJob(NamedTuple):
    """One simulation with calls of the platform, by the name of `CALLS`."""

    progress: str
    targets: str
    calls: str
    size: Size


def main() -> dict[str, list[Row]]:
    """Simulate everything on all cores, and draw the plot."""
    tables, points = _simulated(FULL)
    draw(points)
    return {**tables, "Criteria": [limited_criterion(tables[LIMITED])]}


def quick() -> dict[str, list[Row]]:
    """Simulate a few tasks each, without the plot."""
    return _simulated(QUICK)[0]


def limited_criterion(rows: Sequence[Row]) -> Row:
    """Return the criterion on the default policy at a rate limit, in the client's order."""
    measured = {(row["progress"], row["policy"], row["polls ordered by"]): row for row in rows}
    row = measured["mixed", POLICIES[DEFAULT].title, EXPECTED_END]
    title = f"{P95}, mixed progress, {RATE_LIMIT:g} requests/s"
    return at_most(title, 40, float(str(row[P95])))


def _simulated(size: Size) -> tuple[dict[str, list[Row]], list[Point]]:
    jobs = [Job(n, *case, size) for case in CASES for n in range(len(POLICIES)) if _fits(n, case)]
    limited_jobs = [
        Job(number, "lognormal", progress, size, order)
        for progress in LIMITED_PROGRESSES
        for number, policy in enumerate(POLICIES)
        for order in ORDERS
        if policy.label in LIMITED_POLICIES
    ]
    called_jobs = [CalledJob(*case, calls, size) for case in CALLED_CASES for calls in CALLS]
    with ProcessPoolExecutor() as pool:
        outcomes = list(zip(jobs, pool.map(_warm_and_cold, jobs), strict=True))
        limited = list(zip(limited_jobs, pool.map(_limited, limited_jobs), strict=True))
        with_calls = list(zip(called_jobs, pool.map(_called, called_jobs), strict=True))
    by_case = {
        f"{durations} durations, {progress} progress": [
            _row(POLICIES[job.policy], *pair)
            for job, pair in outcomes
            if (job.durations, job.progress) == (durations, progress)
        ]
        for durations, progress in CASES
    }
    tables = {
        "Adaptive(), the default": [
            {"case": case, **{k: v for k, v in rows[DEFAULT].items() if k != "policy"}}
            for case, rows in by_case.items()
        ],
        LIMITED: [_limited_row(*one) for one in limited],
        BLIND: [_blind_row(cost, size) for cost in BLIND_COSTS],
        "Adaptive() where the platform calls, lognormal durations": [
            _called_row(*one) for one in with_calls
        ],
        **by_case,
    }
    points = [
        Point(job.progress, POLICIES[job.policy], warm_outcome)
        for job, (warm_outcome, _) in outcomes
        if job.durations == "lognormal"
    ]
    return tables, points


def _fits(policy: int, case: tuple[str, str]) -> bool:
    """Leave out the schedule that is computed for other durations."""
    return case[0] == "lognormal" or POLICIES[policy].make is not OptimalSchedule


def _warm_and_cold(job: Job) -> tuple[Outcome, Outcome]:
    make, (warm_up, measured, _) = POLICIES[job.policy].make, job.size
    tasks = simulated_tasks(job.durations, job.progress, tasks=warm_up + measured, rate=ARRIVALS)
    warm_outcome = warm(make(), tasks, warm_up=warm_up)
    if not isinstance(make(), Learner):
        return warm_outcome, warm_outcome  # history changes nothing
    return warm_outcome, cold(make, tasks[warm_up:])


def _limited(job: Job) -> Outcome:
    tasks = simulated_tasks(
        job.durations, job.progress, tasks=job.size.limited, rate=LIMITED_ARRIVALS
    )
    return rate_limited(POLICIES[job.policy].make(), tasks, order=job.order, per_second=RATE_LIMIT)


def _blind_row(poll_cost: float, size: Size) -> Row:
    tasks = simulated_tasks("lognormal", "stuck", tasks=size.limited, rate=LIMITED_ARRIVALS)
    best = warm(OptimalSchedule(poll_cost), tasks, warm_up=0)
    return {
        "polls": round(best.polls, 1),
        "mean lateness %": round(100 * best.mean_lateness, 1),
        "p75 lateness %": round(100 * best.p75_lateness, 1),
    }


def _called(job: CalledJob) -> tuple[Outcome, float]:
    warm_up, measured, _ = job.size
    tasks = simulated_tasks("lognormal", job.progress, tasks=warm_up + measured, rate=ARRIVALS)
    if job.targets != CALLED_CASES[0][1]:
        tasks = nightly(tasks)
    calls = CALLS[job.calls]
    return called(Adaptive(), tasks, calls, warm_up=warm_up), fewest_polls(tasks, calls.lost)


def _called_row(job: CalledJob, simulated: tuple[Outcome, float]) -> Row:
    outcome, fewest = simulated
    row: Row = {
        "progress": job.progress,
        "targets": job.targets,
        "calls": job.calls,
        **_columns("", outcome),
    }
    row["polls"] = round(outcome.polls, 2)
    if job.targets == CALLED_CASES[0][1]:
        return {**row, "fewest polls for 3 %": round(fewest, 2), "met": ""}
    polls, lateness = CALLED_BARS.get(job.calls, (math.inf, math.inf))
    met = outcome.polls <= polls and 100 * outcome.mean_lateness <= lateness
    has_bar = job.calls in CALLED_BARS and job.size is FULL
    return {**row, "fewest polls for 3 %": "", "met": ("yes" if met else "no") if has_bar else ""}


def _row(policy: ComparedPolicy, warm_outcome: Outcome, cold_outcome: Outcome) -> Row:
    return {
        "policy": policy.title,
        **_columns("warm ", warm_outcome),
        **_columns("cold ", cold_outcome),
    }


def _limited_row(job: Job, outcome: Outcome) -> Row:
    return {
        "progress": job.progress,
        "policy": POLICIES[job.policy].title,
        "polls ordered by": job.order,
        **_columns("", outcome),
    }


def _columns(prefix: str, outcome: Outcome) -> Row:
    return {
        f"{prefix}polls": round(outcome.polls, 1),
        f"{prefix}mean lateness %": round(100 * outcome.mean_lateness, 1),
        f"{prefix}{P95}": round(100 * outcome.p95_lateness, 1),
    }
