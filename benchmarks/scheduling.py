"""What a look costs beyond HTTP, and what a watched handle weighs, with 100,000 in flight.

The look is a coroutine that returns a running status at once. The rival is
what one would write: a Task per handle that sleeps between looks.
"""

from __future__ import annotations

from benchmarks.side_by_side import ratios

ROUNDS = 3


def main() -> list[dict[str, object]]:
    """Run both contenders in turns and compare their medians."""
    return ratios("scheduling", ours="ours", rivals=["a_task_each"], rounds=ROUNDS)
