"""``simulate``: a pretend platform for programs under development."""

from __future__ import annotations

import asyncio
import math
import os

import click

from altcraft_async import ConfigurationError
from altcraft_async.cli.output import print_notice
from altcraft_async.cli.runner import run
from altcraft_async.simulator import Simulator

__all__ = ["run_simulator"]

_OBJECTS = ("resources", "databases", "segments")


def run_simulator(  # noqa: PLR0913 -- one argument per option, all by name
    *,
    port: int,
    seed: int,
    resources: int,
    databases: int,
    segments: int,
    duration: tuple[float, float],
) -> None:
    """Run a pretend platform until Ctrl-C."""
    server = Simulator(
        port=port,
        seed=seed,
        resources=resources,
        databases=databases,
        segments=segments,
        duration=_checked(duration),
    )
    run(_serve(port, server))


def _checked(duration: tuple[float, float]) -> tuple[float, float]:
    shortest, longest = duration
    if shortest <= longest < math.inf:
        return duration
    msg = f"duration: {shortest:g} to {longest:g} s is not from short to long"
    raise ConfigurationError(msg)


async def _serve(port: int, server: Simulator) -> None:
    try:
        await server.start()
    except OSError as error:
        # The text of asyncio's error repeats the address in words of its own.
        reason = os.strerror(error.errno) if error.errno else "it cannot be used"
        msg = f"port: cannot listen on {port}: {reason}"
        raise ConfigurationError(msg) from None
    try:
        click.echo(f"export ALTCRAFT_URL={server.url}\nexport ALTCRAFT_TOKEN={server.token}")
        sizes = ", ".join(f"{len(getattr(server.world, name))} {name}" for name in _OBJECTS)
        print_notice(f"{sizes}; Ctrl-C ends it")
        await asyncio.Event().wait()
    finally:
        await server.stop()
