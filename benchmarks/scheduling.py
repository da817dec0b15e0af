"""What waiting for 100,000 refreshes costs beyond HTTP: CPU time, memory, and the loop's time.

Polls answer at once. The rival is what one would write: a Task per refresh
that sleeps between polls. The loop's lag is compared with that of a loop
which makes as many polls a second and has hardly anything in flight.
"""

from __future__ import annotations

from functools import partial

from benchmarks.processes import run_contender
from benchmarks.side_by_side import Row, medians, round_off

ROUNDS = 3

TITLES = {
    "handles": "ours, `as_completed`, ends with `aclose()`",
    "stream": "ours, `refresh_many`, ends with its reader's cancellation",
    "a_task_each": "a Task each, end with their cancellation",
    "same_load": "as many polls, hardly anything in flight",
    "polled_at": "ours, three polls each, the default policy, answers of their own",
}


def main() -> dict[str, list[Row]]:
    """Run all crowds in turns and compare their medians."""
    found = medians(partial(run_contender, "scheduling"), list(TITLES), rounds=ROUNDS)
    found["same_load"].pop("bytes")  # of how few there are
    ours, rival, idle = found["handles"], found["a_task_each"], found["same_load"]
    stream, polled_at = found["stream"], found["polled_at"]
    cpu, lag, stop = "CPU µs per poll", "loop lag p99 ms", "longest loop stop at the end ms"
    figures = ["polls per second", cpu, "bytes", lag, stop]
    return {
        "100,000 in flight": [
            {
                "crowd": title,
                **{figure: _shown(found[name].get(figure)) for figure in figures},
            }
            for name, title in TITLES.items()
        ],
        "Ratios": [
            {"figure": "CPU per poll, ours / a Task each", "ratio": _ratio(ours, rival, cpu)},
            {"figure": "the same, refresh_many", "ratio": _ratio(stream, rival, cpu)},
            {"figure": "bytes, ours / a Task each", "ratio": _ratio(ours, rival, "bytes")},
            {"figure": "the same, refresh_many", "ratio": _ratio(stream, rival, "bytes")},
            {"figure": "loop lag, ours / hardly any", "ratio": _ratio(ours, idle, lag)},
            {"figure": "the same, refresh_many", "ratio": _ratio(stream, idle, lag)},
            {"figure": "loop stop, aclose() / Tasks", "ratio": _ratio(ours, rival, stop)},
            {"figure": "loop stop, refresh_many / Tasks", "ratio": _ratio(stream, rival, stop)},
            {"figure": "bytes after polls / before", "ratio": _ratio(polled_at, ours, "bytes")},
        ],
    }


def _ratio(one: dict[str, float], other: dict[str, float], figure: str) -> float:
    return round(one[figure] / other[figure], 3)


def _shown(value: float | None) -> object:
    return "" if value is None else round_off(value)
