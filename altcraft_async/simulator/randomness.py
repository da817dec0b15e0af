"""What the pretend platform leaves to chance, drawn so that a seed repeats it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Literal, TypeAlias

Duration: TypeAlias = float | tuple[float, float] | Callable[[random.Random], float]
"""Seconds, infinite for tasks that never end; or a range, log-uniform; or a drawing of your own."""

Shape: TypeAlias = Callable[[float], float]
"""The share of a task's duration that is gone, 0 to 1, to the share that it reports."""

CurveName = Literal["linear", "noisy", "back", "front", "stuck", "stall"]
Curve: TypeAlias = CurveName | Shape
"""How progress goes: by name, or as a shape of your own.

``linear`` with time; ``noisy`` bent differently for each task and now and
then going backwards; ``back`` slow at first; ``front`` slow at last;
``stuck`` at 0 until the end; ``stall`` soon high and then no further.
"""


def dice(*about: object) -> random.Random:
    """Return dice that fall the same way whenever they are about the same things."""
    return random.Random("/".join(map(str, about)))  # noqa: S311 -- made-up data, no secrets


def draw_duration(duration: Duration, rng: random.Random) -> float:
    """Draw how many seconds a task takes."""
    if isinstance(duration, (float, int)):
        return duration
    if callable(duration):
        return max(0.0, duration(rng))
    low, high = duration
    return low * math.exp(math.log(high / low) * rng.random())


def check_duration(duration: Duration) -> None:
    """Refuse seconds that no task can take.

    Raises:
        ValueError: A negative number, or an empty range.
    """
    if isinstance(duration, (float, int)):
        fine = duration >= 0
    else:
        fine = callable(duration) or 0 < duration[0] <= duration[1] < math.inf
    if not fine:
        msg = f"duration: {duration} has to be 0 or more seconds, or a range 0 < low <= high"
        raise ValueError(msg)


def draw_shape(curve: Curve, rng: random.Random) -> Shape:
    """Draw how the progress of one task goes."""
    if callable(curve):
        return curve
    return _SHAPES[curve](rng)


def check_curve(curve: Curve) -> None:
    """Refuse a name that is none.

    Raises:
        ValueError: It names those there are.
    """
    if not callable(curve) and curve not in _SHAPES:
        msg = f"curve: {curve!r} is none of {', '.join(_SHAPES)}"
        raise ValueError(msg)


def _linear(gone: float) -> float:
    return gone


def _back(gone: float) -> float:
    return gone**3


def _front(gone: float) -> float:
    return 1 - (1 - gone) ** 3


def _stuck(_gone: float) -> float:
    return 0.0


def _draw_noisy(rng: random.Random) -> Shape:
    bend = math.exp(rng.gauss(0, 0.4))
    waves = rng.uniform(15, 40)
    phase = rng.uniform(0, math.tau)

    def noisy(gone: float) -> float:
        return math.pow(gone, bend) + 0.03 * math.sin(waves * gone + phase)

    return noisy


def _draw_stall(rng: random.Random) -> Shape:
    height = rng.uniform(0.6, 0.95)

    def stall(gone: float) -> float:
        return height * min(1.0, gone * 10)

    return stall


_SHAPES: dict[str, Callable[[random.Random], Shape]] = {
    "linear": lambda _rng: _linear,
    "noisy": _draw_noisy,
    "back": lambda _rng: _back,
    "front": lambda _rng: _front,
    "stuck": lambda _rng: _stuck,
    "stall": _draw_stall,
}
