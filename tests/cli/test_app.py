"""The tree of commands, its help, and how a command line ends."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from altcraft_async.cli.app import altcraft as root
from altcraft_async.cli.exit_codes import EXIT_CODES
from altcraft_async.simulator import Simulator, Target
from tests.support.forked_command import ForkedCommand

Altcraft = Callable[..., tuple[int, str, str]]
Spawn = Callable[..., ForkedCommand]


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each command."""
    if not isinstance(command, click.Group):
        yield path
        return
    for name, inner in command.commands.items():
        yield from leaves(inner, (*path, name))


@pytest.mark.parametrize("group", ["", "resources", "databases", "segments", "task"])
def test_group_without_a_command_prints_its_help_to_stderr(altcraft: Altcraft, group: str) -> None:
    code, out, err = altcraft(*group.split())
    assert (code, out) == (2, "")
    assert err.startswith(" ".join(["Usage: altcraft", *group.split(), "["]))


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("refresh", "24", "--database-id"), "altcraft refresh"),
        (("resources", "refresh-all", "--run"), "altcraft resources refresh-all"),
        (("simulate", "--duration", "5"), "altcraft simulate"),
        (("history", "24", "--since"), "altcraft history show"),
        (("--profile",), "altcraft"),
    ],
)
def test_option_without_its_value_points_to_the_help_of_its_command(
    altcraft: Altcraft, arguments: tuple[str, ...], command: str
) -> None:
    code, out, err = altcraft(*arguments)
    assert (code, out) == (2, "")
    assert err.splitlines()[1] == f"  see: {command} --help"


def test_help_documents_every_exit_code(altcraft: Altcraft) -> None:
    code, out, err = altcraft("--help")
    assert (code, err) == (0, "")
    for row in EXIT_CODES:
        assert f"{row.code:>3}  {row.meaning}" in out


@pytest.mark.parametrize("path", list(leaves(root)), ids=" ".join)
def test_help_of_every_command_has_examples(altcraft: Altcraft, path: tuple[str, ...]) -> None:
    code, out, _ = altcraft(*path, "--help")
    assert code == 0
    assert f"    altcraft {' '.join(path)}" in out.partition("Example")[2]
    assert out.endswith("  Exit codes: altcraft --help\n")


def test_help_and_wrong_arguments_load_neither_the_client_nor_rich() -> None:
    """They would take four times as long; commands load both when they run."""
    code = (
        "import sys; had = {*sys.modules}\n"
        "from altcraft_async.cli.app import main\n"
        "for line in (['--help'], *map(str.split, sys.argv[1:])): main(line)\n"
        "new = {*sys.modules} - had\n"
        "print({*'asyncio aiohttp rich.console tenacity xmltodict'.split()} & new, file=sys.stderr)"
    )
    lines = [*(" ".join((*path, "--help")) for path in leaves(root)), "refresh", "history show x"]
    done = subprocess.run(  # noqa: S603 -- our own words
        [sys.executable, "-c", code, *lines], check=True, capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1] == "set()"


def test_commands_complete_in_a_shell(spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_ALTCRAFT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "altcraft resources refr")
    monkeypatch.setenv("COMP_CWORD", "2")
    out, _ = spawn().communicate(timeout=30)
    assert [line.split(",")[1] for line in out.splitlines()] == ["refresh", "refresh-all"]


def test_version_is_one_line(altcraft: Altcraft) -> None:
    code, out, _ = altcraft("--version")
    assert (code, out.count("\n")) == (0, 1)
    assert out.startswith("altcraft ")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /dev/full")
def test_full_disk_is_reported_in_one_line(
    altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch, account: Simulator
) -> None:
    task_id = account.world.start(Target("resource", (24, 1)), now=-1000)
    device = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 -- the next line closes it
    with io.TextIOWrapper(device, write_through=True) as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        code, _, err = altcraft("status", task_id)
    assert code == 1
    assert err == "altcraft: No space left on device\n"
