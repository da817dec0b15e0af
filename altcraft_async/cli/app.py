"""The tree of commands, and `main`, which turns errors into messages and exit codes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence

import click

from altcraft_async.cli.commands.account import login, logout, whoami
from altcraft_async.cli.commands.catalogue import fields_command, get_command, list_command
from altcraft_async.cli.commands.counters import counters_command
from altcraft_async.cli.commands.counters_all import counters_all
from altcraft_async.cli.commands.demo import demo
from altcraft_async.cli.commands.history import HistoryGroup, movers, show
from altcraft_async.cli.commands.monitor import monitor
from altcraft_async.cli.commands.refresh import refresh_command
from altcraft_async.cli.commands.refresh_all import refresh_all
from altcraft_async.cli.commands.runs import resume, runs
from altcraft_async.cli.commands.simulate import simulate
from altcraft_async.cli.commands.task import status_command, wait_command
from altcraft_async.cli.common_options import profile_option, verbosity_options
from altcraft_async.cli.exit_codes import (
    EXIT_CODES,
    INTERRUPTED,
    PIPE_CLOSED,
    UNEXPECTED,
    USAGE,
    code_of,
    hint_of,
)
from altcraft_async.cli.object_kinds import DATABASES, RESOURCES, SEGMENTS, ObjectKind
from altcraft_async.cli.options import help_lines
from altcraft_async.cli.output import discard_unwritten, prepare, print_message, print_notice
from altcraft_async.cli.session import Session, current_session
from altcraft_async.errors import AltcraftError

__all__ = ["altcraft", "main"]

_EPILOG = "\n\n".join(
    (
        help_lines(
            "Examples",
            "altcraft demo",
            "altcraft login",
            "altcraft resources list",
            "altcraft refresh 24 --database-id 1",
            "altcraft resources refresh-all --json",
        ),
        help_lines(
            "Shell completion",
            'eval "$(_ALTCRAFT_COMPLETE=bash_source altcraft)"  # in ~/.bashrc',
            'eval "$(_ALTCRAFT_COMPLETE=zsh_source altcraft)"   # in ~/.zshrc',
            "_ALTCRAFT_COMPLETE=fish_source altcraft | source  # in config.fish",
        ),
        help_lines("Exit codes", *(f"{row.code:>3}  {row.meaning}" for row in EXIT_CODES)),
    )
)

_COMPLETION = "_ALTCRAFT_COMPLETE"

_WITHOUT_ACCOUNT = (demo, simulate, show, movers)

_HELP = """Statistics of an Altcraft install: refresh the counters of subscribers and read them.

The commands refresh, counters, status and wait are short for resources refresh,
resources counters, task status and task wait.

The account is that of ALTCRAFT_URL and ALTCRAFT_TOKEN if they are set, else the
one that altcraft login has stored: --profile or ALTCRAFT_PROFILE choose among
several. ALTCRAFT_FORMAT may be json or xml.

Results go to stdout, messages to stderr. --profile, --quiet, --verbose and
--debug go before or behind the command.
"""

_HISTORY_HELP = """Counters of past runs of refresh-all --history.

altcraft history 24 is short for altcraft history show 24.
"""


def _print_version(context: click.Context, _parameter: click.Parameter, asked: object) -> None:
    if asked and not context.resilient_parsing:
        click.echo(f"altcraft {_version()}")
        context.exit()


_version_option = click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 -- slow to load

    try:
        return version("altcraft-async")
    except PackageNotFoundError:  # run from a checkout
        return "of a checkout, with no version"


def _group(
    name: str,
    commands: Sequence[click.Command],
    text: str,
    epilog: str | None = None,
    group: type[click.Group] = click.Group,
) -> click.Group:
    """Make a group of commands; without a command, it prints its help as a usage error."""

    @click.pass_context
    def show_help(context: click.Context) -> None:
        if context.invoked_subcommand is None:
            click.echo(context.get_help(), err=True)
            context.exit(USAGE)
        words = (context.command_path, context.invoked_subcommand)
        context.ensure_object(Session).command = " ".join(words)

    return group(
        name,
        commands=commands,
        help=text,
        epilog=epilog,
        callback=show_help,
        invoke_without_command=True,
    )


def _object_group(kind: ObjectKind, meaning: str, *others: click.Command) -> click.Group:
    path = f"altcraft {kind.plural}"
    commands = [
        list_command(kind),
        get_command(kind),
        counters_command(kind, f"{path} counters"),
        refresh_command(kind, f"{path} refresh"),
        *others,
    ]
    return _group(kind.plural, commands, f"{kind.plural.capitalize()}: {meaning}.")


def _leaves(group: click.Group) -> Iterator[click.Command]:
    """Yield the commands that are no groups."""
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from _leaves(command)
        else:
            yield command


def _root() -> click.Group:
    task_commands = [status_command("altcraft task status"), wait_command("altcraft task wait")]
    commands = [
        login,
        whoami,
        logout,
        demo,
        simulate,
        _object_group(
            RESOURCES, "what people subscribe to", fields_command(), refresh_all, counters_all
        ),
        _object_group(DATABASES, "where profiles are kept"),
        _object_group(SEGMENTS, "parts of a database"),
        _group("task", task_commands, "Tasks that were started before."),
        _group("history", [show, movers], _HISTORY_HELP, group=HistoryGroup),
        runs,
        resume,
        monitor,
        refresh_command(RESOURCES, "altcraft refresh"),
        counters_command(RESOURCES, "altcraft counters"),
        status_command("altcraft status"),
        wait_command("altcraft wait"),
    ]
    root = _group("altcraft", commands, _HELP, _EPILOG)
    for command in (*_leaves(root), root):
        if command not in _WITHOUT_ACCOUNT:
            profile_option(command)
        verbosity_options(command)
    root.context_settings["help_option_names"] = ["-h", "--help"]
    return _version_option(root)


altcraft = _root()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        arguments: What follows ``altcraft``; by default, what this process was started with.

    Raises:
        SystemExit: A shell asked for completions, and has them.
    """
    prepare()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning  # type: ignore[assignment]  # takes fewer by name
            return _run(arguments)
    finally:
        discard_unwritten()


def _show_warning(message: Warning | str, *_where: object) -> None:
    """Print a warning as a message; where in the code it arose says nothing to people."""
    text = str(message).replace("base_url:", "ALTCRAFT_URL:")
    print_notice(current_session().name_account(text))


def _run(arguments: Sequence[str] | None) -> int:
    session = Session()
    try:
        code: object = altcraft.main(
            arguments, prog_name="altcraft", standalone_mode=False, obj=session
        )
    except AltcraftError as error:
        hint = hint_of(error)
        print_message(str(error), hint and session.name_account(hint))
        return code_of(error)
    except click.UsageError as error:
        # An option without its value is an error without a context.
        command = error.ctx.command_path if error.ctx else session.command
        print_message(error.format_message(), f"see: {command} --help")
        return USAGE
    except click.Abort:
        return INTERRUPTED
    except SystemExit:
        # How click ends a completion, and how click and rich end when the reader has ended.
        if _COMPLETION in os.environ:
            raise
        return PIPE_CLOSED
    except OSError as error:
        print_message(error.strerror or str(error))
        return UNEXPECTED
    # Commands return None; a number is the exit code of a context that was left early.
    return code if isinstance(code, int) else 0
