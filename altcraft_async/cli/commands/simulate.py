"""``simulate``: a pretend platform for programs under development."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from altcraft_async.cli.options import Command, Number, WholeNumber, examples, port_option

__all__ = ["simulate"]


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
@port_option(8080, "Port of this machine")
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
def simulate(**options: Any) -> None:
    """Run a pretend platform until Ctrl-C.

    Paste what it prints into another shell, and every command and program
    there talks to it. The token is valid for nothing else.
    """
    from altcraft_async.cli.actions.simulate import run_simulator

    run_simulator(**options)
