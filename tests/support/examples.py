"""How many examples a property is tried with."""

from __future__ import annotations

import os

__all__ = ["examples"]


def examples(number: int) -> int:
    """Return so many with the slow tests, and a quarter of them, but at least five, without."""
    return number if os.environ.get("HYPOTHESIS_EXAMPLES") == "all" else max(5, number // 4)
