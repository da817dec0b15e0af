"""``altcraft simulate``: a pretend platform for programs that are being written."""

from __future__ import annotations

import asyncio

import click

from altcraft_async import ConfigurationError
from altcraft_async.cli.options import help_lines
from altcraft_async.cli.running import run
from altcraft_async.cli.terminal import say
from altcraft_async.simulator import Simulator

__all__ = ["simulate"]

_LAST_PORT = 65535


@click.command(
    epilog=help_lines(
        "Examples", "altcraft simulate", "altcraft simulate --port 0 --seed 7 --resources 10000"
    )
)
@click.option(
    "--port",
    type=click.IntRange(0, _LAST_PORT),
    default=8080,
    show_default=True,
    help="Port of this machine; 0 takes a free one.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Another one, other figures and token."
)
@click.option(
    "--resources",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="How many resources, with ids from 1.",
)
def simulate(*, port: int, seed: int, resources: int) -> None:
    """Run a pretend platform until Ctrl-C.

    Paste what it prints into another shell, and every command and program
    there speaks to it. The token is made up and good for nothing else.
    """
    run(_serve(Simulator(port=port, seed=seed, resources=resources), port))


async def _serve(server: Simulator, port: int) -> None:
    try:
        await server.start()
    except OSError as taken:
        reason = taken.strerror or "cannot be used"
        msg = f"port: {port} cannot be listened on: {reason}"
        raise ConfigurationError(msg) from None
    try:
        click.echo(f"export ALTCRAFT_URL={server.url}\nexport ALTCRAFT_TOKEN={server.token}")
        world = server.world
        say(f"{len(world.resources)} resources, {len(world.databases)} databases; Ctrl-C ends it")
        await asyncio.Event().wait()
    finally:
        await server.stop()
