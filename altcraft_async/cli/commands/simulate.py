"""``simulate``: a pretend platform for programs under development."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from altcraft_async import ConfigurationError
from altcraft_async.cli.options import Command, Number, WholeNumber, examples
from altcraft_async.cli.output import print_notice
from altcraft_async.cli.runner import run

if TYPE_CHECKING:
    from altcraft_async.simulator import Simulator

__all__ = ["simulate"]

_LAST_PORT = 65535
_OBJECTS = ("resources", "databases", "segments")


def _number_option(plural: str, default: int) -> Callable[[Command], Command]:
    return click.option(
        f"--{plural}",
        type=WholeNumber(min=1),
        default=default,
        show_default=True,
        metavar="N",
        help=f"How many {plural}, with ids from 1.",
    )


@click.command(
    short_help="Run a pretend platform, to try commands without an account.",
    epilog=examples(
        "altcraft simulate",
        "altcraft simulate --port 0 --seed 7 --resources 10000",
        "altcraft simulate --duration 0.1 0.5",
    ),
)
@click.option(
    "--port",
    type=WholeNumber(0, _LAST_PORT),
    default=8080,
    show_default=True,
    metavar="N",
    help="Port of this machine; 0 takes a free one.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    metavar="N",
    help="Another seed gives other counters and another token.",
)
@_number_option("resources", 500)
@_number_option("databases", 200)
@_number_option("segments", 300)
@click.option(
    "--duration",
    type=Number(min=0),
    nargs=2,
    default=(0.5, 5.0),
    show_default=True,
    metavar="SHORTEST LONGEST",
    help="Seconds that a task takes.",
)
def simulate(  # noqa: PLR0913 -- one argument per option, all by name
    *,
    port: int,
    seed: int,
    resources: int,
    databases: int,
    segments: int,
    duration: tuple[float, float],
) -> None:
    """Run a pretend platform until Ctrl-C.

    Paste what it prints into another shell, and every command and program
    there talks to it. The token is valid for nothing else.
    """
    from altcraft_async.simulator import Simulator  # noqa: PLC0415 -- slow to load

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
