"""One request as the API methods get it."""

from __future__ import annotations

from dataclasses import dataclass

from altcraft_async.simulator.faults import Fault
from altcraft_async.simulator.installation import Install
from altcraft_async.simulator.parameters import Parameters
from altcraft_async.simulator.world import World


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, of whom, and when.

    Attributes:
        world: The platform.
        parameters: What the caller says.
        now: Seconds that the platform's clock shows.
        install: How the platform is set up.
        fault: Only those of tasks are heeded by methods: the others happen to
            the answer on its way.
    """

    world: World
    parameters: Parameters
    now: float
    install: Install
    fault: Fault | None = None
