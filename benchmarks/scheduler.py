"""What waiting for 100,000 refreshes costs beyond HTTP: CPU time, memory and loop lateness.

Polls answer at once. The rival is a Task per refresh that sleeps between
polls. Loop lateness is compared with a loop that makes as many polls a second
from a hundred Tasks.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.comparison import Row, at_most, medians, rounded
from benchmarks.processes import Measurements, run_contender

ROUNDS, SECONDS = 3, 8.0

TITLES = {
    "handles": "ours, `as_completed`, ended by `aclose()`",
    "refresh_many": "ours, `refresh_many`, ended by cancelling its reader",
    "task_each": "a Task per refresh, ended by cancelling the Tasks",
    "few_tasks": "as many polls a second from 100 Tasks",
    "polled_handles": "ours, after three polls each, default policy, distinct answers",
    "attached": "ours, 50,000 attached by a ref, each with a callback",
}

POLLS, CPU, BYTES = "polls per second", "CPU µs per poll", "bytes"
LATENESS, STALL = "loop lateness p99 ms", "longest loop stall at the end, ms"
STALLS = (
    "longest loop stall at the start, ms",
    "longest loop stall while running, ms",
    STALL,
)


def main(rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, list[Row]]:
    """Run all workloads in turns and compare their medians."""
    measured = _measured(rounds, seconds)
    return {**_tables(measured), "Criteria": criteria(measured)}


def quick() -> dict[str, list[Row]]:
    """Run each workload once, for a second, without criteria."""
    return _tables(_measured(1, 1.0))


def criteria(measured: Mapping[str, Measurements]) -> list[Row]:
    """Return the criteria on memory and on stalls of the loop."""
    return [
        at_most("bytes of an attached handle", 900, measured["attached"][BYTES]),
        *(
            at_most(f"{stall}, 100,000 in {TITLES[name]}", 20, measured[name][stall])
            for name in ("handles", "refresh_many")
            for stall in STALLS
        ),
    ]


def _measured(rounds: int, seconds: float) -> dict[str, Measurements]:
    def run(name: str) -> Measurements:
        return run_contender("scheduler", name, str(seconds))

    measured = medians(run, list(TITLES), rounds=rounds)
    measured["few_tasks"].pop(BYTES)  # of a hundred Tasks, so not comparable
    return measured


def _tables(measured: Mapping[str, Measurements]) -> dict[str, list[Row]]:
    return {
        "100,000 in flight": [
            {
                "workload": title,
                **{
                    column: rounded(measured[name][column]) if column in measured[name] else ""
                    for column in (POLLS, CPU, BYTES, LATENESS, *STALLS)
                },
            }
            for name, title in TITLES.items()
        ],
        "Ratios": _ratios(measured),
    }


def _ratios(measured: Mapping[str, Measurements]) -> list[Row]:
    handles, many = measured["handles"], measured["refresh_many"]
    tasks, few, polled = measured["task_each"], measured["few_tasks"], measured["polled_handles"]
    ratios = {
        "CPU per poll, `as_completed` / a Task per refresh": handles[CPU] / tasks[CPU],
        "CPU per poll, `refresh_many` / a Task per refresh": many[CPU] / tasks[CPU],
        "bytes, `as_completed` / a Task per refresh": handles[BYTES] / tasks[BYTES],
        "bytes, `refresh_many` / a Task per refresh": many[BYTES] / tasks[BYTES],
        "loop lateness, `as_completed` / 100 Tasks": handles[LATENESS] / few[LATENESS],
        "loop lateness, `refresh_many` / 100 Tasks": many[LATENESS] / few[LATENESS],
        "loop stall, `aclose()` / a Task per refresh": handles[STALL] / tasks[STALL],
        "loop stall, `refresh_many` / a Task per refresh": many[STALL] / tasks[STALL],
        "bytes, after three polls / before": polled[BYTES] / handles[BYTES],
    }
    return [{"compared": title, "ratio": round(ratio, 3)} for title, ratio in ratios.items()]
