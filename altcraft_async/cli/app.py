"""The group of all commands, and the one place where errors become exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import click

from altcraft_async import AltcraftError
from altcraft_async.cli.account import refresh, status, wait
from altcraft_async.cli.demo import demo
from altcraft_async.cli.exits import EXITS, INTERRUPTED, UNEXPECTED, USAGE, code_of, hint_of
from altcraft_async.cli.options import help_lines
from altcraft_async.cli.simulate import simulate
from altcraft_async.cli.terminal import prepare, say

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
            "altcraft refresh 24 --database-id 1",
        ),
        help_lines("Exit codes", *(f"{row.code:>3}  {row.meaning}" for row in EXITS)),
    )
)


@click.group(
    epilog=_EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(_version(), message="altcraft %(version)s")
@click.pass_context
def altcraft(context: click.Context) -> None:
    """Statistics of an Altcraft install: recount subscribers and read the counters.

    The account is read from the environment: ALTCRAFT_URL, ALTCRAFT_TOKEN,
    and ALTCRAFT_FORMAT (json or xml). Results go to stdout, words to stderr.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(USAGE)


for _command in (demo, refresh, status, wait, simulate):
    altcraft.add_command(_command)


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
