"""Options of all commands: whose account, and how much to print."""

from __future__ import annotations

from collections.abc import Callable

import click

from altcraft_async.cli.options import Command
from altcraft_async.cli.session import Session, Verbosity

__all__ = ["profile_option", "verbosity_options"]


def _set_verbosity(context: click.Context, parameter: click.Parameter, given: object) -> None:
    """Set the verbosity for the rest of the command line; each option is good anywhere in it."""
    if not given:
        return
    session = context.ensure_object(Session)
    verbosity = Verbosity[str(parameter.name).upper()]
    if session.verbosity not in {None, verbosity}:
        msg = "--quiet, --verbose and --debug exclude each other."
        raise click.UsageError(msg, context)
    if session.verbosity is None:
        session.verbosity = verbosity
        from altcraft_async.cli.log_records import log_records  # noqa: PLC0415 -- no help needs it

        context.with_resource(log_records(session))


def _flag(*names: str, text: str) -> Callable[[Command], Command]:
    return click.option(
        *names, is_flag=True, expose_value=False, callback=_set_verbosity, help=text
    )


def verbosity_options(command: Command) -> Command:
    """Add ``--quiet``, ``--verbose`` and ``--debug``."""
    for option in (
        _flag("-q", "--quiet", text="Print only results, and why a command failed."),
        _flag("-v", "--verbose", text="Print the account, retries and outages as well."),
        _flag("--debug", text="Print all log records of the library."),
    ):
        command = option(command)
    return command


def _set_profile(context: click.Context, _parameter: click.Parameter, name: str | None) -> None:
    if name is not None:
        context.ensure_object(Session).profile = name


def _complete_profile(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[str]:
    from altcraft_async.cli.profiles import profile_names  # noqa: PLC0415 -- no help needs it

    return [name for name in profile_names() if name.startswith(begun)]


def profile_option(command: Command) -> Command:
    """Add ``--profile``."""
    return click.option(
        "--profile",
        metavar="NAME",
        expose_value=False,
        callback=_set_profile,
        shell_complete=_complete_profile,
        help="Use the account that altcraft login stored under this name.  [default: default]",
    )(command)
