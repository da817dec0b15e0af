"""Random values that a seed reproduces: durations of tasks and curves of their progress."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Literal, TypeAlias

Duration: TypeAlias = float | tuple[float, float] | Callable[[random.Random], float]
"""Seconds, infinite for endless tasks; or a log-uniform range; or a function that draws them."""

Shape: TypeAlias = Callable[[float], float]
"""Maps the elapsed share of a task's duration, 0 to 1, to the share that the task reports."""

CurveName = Literal["linear", "noisy", "back", "front", "stuck", "stall"]
Curve: TypeAlias = CurveName | Shape
"""How progress grows: a name or a function.

``linear`` with time; ``noisy`` differently for each task, and sometimes backwards;
``back`` slowly at first; ``front`` slowly at the end; ``stuck`` at 0 until the end;
``stall`` quickly to a height and no further.
"""


def seeded_random(*key: object) -> random.Random:
    """Return a generator that depends on the key alone.

    A renamed key changes the ids and counters that README and docs show.
    """
    return random.Random("/".join(map(str, key)))  # noqa: S311 -- made-up data, no secrets


def draw_duration(duration: Duration, rng: random.Random) -> float:
    """Draw the seconds that a task takes."""
    if isinstance(duration, (float, int)):
        return duration
    if callable(duration):
        return max(0.0, duration(rng))
    low, high = duration
    return low * math.exp(math.log(high / low) * rng.random())


def check_duration(duration: Duration) -> None:
    """Refuse an impossible duration.

    Raises:
        ValueError: It is negative, or an empty range.
    """
    if isinstance(duration, (float, int)):
        is_valid = duration >= 0
    else:
        is_valid = callable(duration) or 0 < duration[0] <= duration[1] < math.inf
    if not is_valid:
        msg = f"duration: {duration} has to be 0 or more seconds, or a range 0 < low <= high"
        raise ValueError(msg)


def draw_shape(curve: Curve, rng: random.Random) -> Shape:
    """Draw the shape of one task's progress."""
    return curve if callable(curve) else _SHAPES[curve](rng)


def check_curve(curve: Curve) -> None:
    """Refuse an unknown name of a curve.

    Raises:
        ValueError: It lists the known names.
    """
    if not callable(curve) and curve not in _SHAPES:
        msg = f"curve: {curve!r} has to be one of {', '.join(_SHAPES)}"
        raise ValueError(msg)


def _draw_noisy(rng: random.Random) -> Shape:
    bend = math.exp(rng.gauss(0, 0.4))
    waves = rng.uniform(15, 40)
    phase = rng.uniform(0, math.tau)

    def noisy(elapsed: float) -> float:
        return math.pow(elapsed, bend) + 0.03 * math.sin(waves * elapsed + phase)

    return noisy


def _draw_stall(rng: random.Random) -> Shape:
    height = rng.uniform(0.6, 0.95)
    return lambda elapsed: height * min(1.0, elapsed * 10)


_SHAPES: dict[str, Callable[[random.Random], Shape]] = {
    "linear": lambda _: lambda elapsed: elapsed,
    "noisy": _draw_noisy,
    "back": lambda _: lambda elapsed: elapsed**3,
    "front": lambda _: lambda elapsed: 1 - (1 - elapsed) ** 3,
    "stuck": lambda _: lambda _: 0.0,
    "stall": _draw_stall,
}
