"""The group of all commands, and the one place where errors become exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import click

from altcraft_async import AltcraftError
from altcraft_async.cli.commands.demo import demo
from altcraft_async.cli.commands.simulate import simulate
from altcraft_async.cli.exit_codes import EXITS, INTERRUPTED, UNEXPECTED, USAGE, code_of, hint_of
from altcraft_async.cli.groups import all_groups, group, short_commands
from altcraft_async.cli.options import help_lines
from altcraft_async.cli.output import prepare, say

__all__ = ["altcraft", "main"]


def _version() -> str:
    try:
        return version("altcraft-async")
    except PackageNotFoundError:  # run from a checkout
        return "(not installed)"


_EPILOG = "\n\n".join(
    (
        help_lines(
            "Examples",
            "altcraft demo",
            "export ALTCRAFT_URL=https://altcraft.example.com ALTCRAFT_TOKEN=…",
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
        help_lines("Exit codes", *(f"{row.code:>3}  {row.meaning}" for row in EXITS)),
    )
)


_HELP = """Statistics of an Altcraft install: recount subscribers and read the counters.

The short commands are those of the groups that are typed most: refresh and
counters are of resources, status and wait of task.

The account is read from the environment: ALTCRAFT_URL, ALTCRAFT_TOKEN, and
ALTCRAFT_FORMAT (json or xml). Results go to stdout, words to stderr.
"""

altcraft = group("altcraft", [demo, simulate, *all_groups(), *short_commands()], _HELP, _EPILOG)
altcraft.context_settings["help_option_names"] = ["-h", "--help"]
altcraft = click.version_option(_version(), message="altcraft %(version)s")(altcraft)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        arguments: What stands behind ``altcraft``; that of this process by default.

    Raises:
        SystemExit: Nobody reads the output any more.
    """
    prepare()
    try:
        code: object = altcraft.main(arguments, prog_name="altcraft", standalone_mode=False)
    except AltcraftError as error:
        say(str(error), hint_of(error))
        return code_of(error)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "altcraft"
        say(error.format_message(), f"see: {command} --help")
        return USAGE
    except click.Abort:
        return INTERRUPTED
    except OSError as error:
        say(error.strerror or str(error))
        return UNEXPECTED
    # What a command returns is None; a number is the code of a context that was left.
    return code if isinstance(code, int) else 0
