"""What goes wrong: one exit code per family, one line, and what to do next."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from altcraft_async import (
    AltcraftError,
    ClientClosedError,
    ServerError,
    TaskRef,
    TransportError,
    WaitError,
)
from altcraft_async import __main__ as entry
from altcraft_async.cli.app import altcraft as commands
from altcraft_async.cli.exit_codes import EXITS, code_of, hint_of
from altcraft_async.simulator import Fault, Simulator, Target

Altcraft = Callable[..., tuple[int, str, str]]
Spawn = Callable[..., "subprocess.Popen[str]"]

REFRESH = ("refresh", "24", "--database-id", "1")
START = "resources/refresh_counters"


@pytest.mark.parametrize(
    ("fault", "code", "hint"),
    [
        (Fault.refuse(400), 3, None),
        (Fault.refuse(401), 4, "check ALTCRAFT_TOKEN"),
        (Fault.refuse(403), 4, "role and object groups"),
        (Fault.refuse(404), 3, "check the ids"),
        (Fault.status(500), 3, "may have started all the same"),
        (Fault.lost_start(), 5, "may have started all the same"),
        (Fault.html(200), 6, "may have started all the same"),
        (Fault.failed_task(), 7, "start it again"),
    ],
)
def test_what_the_platform_does_decides_the_exit_code(
    account: Simulator, altcraft: Altcraft, fault: Fault, code: int, hint: str | None
) -> None:
    """Each family of errors has one exit code, one line, and at most one of advice; no stdout."""
    account.misbehave(START, fault)
    got, out, err = altcraft(*REFRESH)
    first, *advice = err.splitlines()
    assert (got, out) == (code, "")
    assert first.startswith("altcraft: ")
    assert len(advice) == (hint is not None)
    assert (hint or "") in "".join(advice)
    assert account.token not in err


@pytest.mark.parametrize(
    ("missing", "hint"),
    [
        ("ALTCRAFT_TOKEN", "to set it: export ALTCRAFT_TOKEN="),
        ("ALTCRAFT_URL", "to set it: export ALTCRAFT_URL="),
    ],
)
def test_missing_account_says_how_to_set_it(
    account: Simulator,
    altcraft: Altcraft,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    hint: str,
) -> None:
    """Without an account nothing is sent, and the advice is a line to type."""
    monkeypatch.delenv(missing)
    code, _, err = altcraft(*REFRESH)
    assert (code, account.count(START)) == (2, 0)
    assert f"altcraft: {missing}: " in err
    assert hint in err


def test_nobody_listening_is_a_transport_error(
    altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing was sent, the advice is about address and network."""
    monkeypatch.setenv("ALTCRAFT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ALTCRAFT_TOKEN", "secret")
    code, _, err = altcraft("status", "some-task")
    assert code == 5
    assert "check ALTCRAFT_URL and the network" in err
    assert "secret" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("refresh", "24"),
        ("refresh", "0", "--database-id", "1"),
        ("nonsense",),
        ("wait", "some-task", "--timeout", "nan"),
        ("refresh", "24", "--database-id", "1", "--timeout", "-1"),
        ("wait", '{"task_id":'),
        ("demo", "--token", "secret"),
        ("simulate", "--port", "0", "--duration", "5", "1"),
        ("resources", "refresh-all", "--in-flight", "0"),
        ("resources", "refresh-all", "--rate-limit", "0"),
        ("segments", "refresh", "7", "--resource-id", "24", "--database-name", "id"),
    ],
)
def test_wrong_arguments_exit_with_2_and_send_nothing(
    account: Simulator, altcraft: Altcraft, arguments: tuple[str, ...]
) -> None:
    """A mistake in the command line is noticed before anything is sent."""
    code, out, err = altcraft(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("altcraft: ")
    assert len(err.splitlines()) == 2
    assert not account.requests


def test_no_command_shows_the_help_as_words(altcraft: Altcraft) -> None:
    """``altcraft`` alone is wrong usage, and its answer is the help."""
    code, out, err = altcraft()
    assert (code, out) == (2, "")
    assert err.startswith("Usage: altcraft ")


def test_help_documents_every_exit_code(altcraft: Altcraft) -> None:
    """The help is data that was asked for, and has the whole table of exit codes."""
    code, out, err = altcraft("--help")
    assert (code, err) == (0, "")
    for row in EXITS:
        assert f"{row.code:>3}  {row.meaning}" in out


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the words that lead to each command."""
    if not isinstance(command, click.Group):
        yield path
        return
    for name, inner in command.commands.items():
        yield from leaves(inner, (*path, name))


@pytest.mark.parametrize("path", list(leaves(commands)), ids=" ".join)
def test_every_command_has_examples(altcraft: Altcraft, path: tuple[str, ...]) -> None:
    """Each command's help shows it in use, as it was typed, and says where exit codes stand."""
    code, out, _ = altcraft(*path, "--help")
    assert code == 0
    assert f"    altcraft {' '.join(path)}" in out.partition("Example")[2]
    assert out.endswith("  Exit codes: altcraft --help\n")


@pytest.mark.parametrize("group", ["resources", "databases", "segments", "task"])
def test_group_alone_shows_its_help_as_words(altcraft: Altcraft, group: str) -> None:
    """A group without a command is wrong usage, like ``altcraft`` alone."""
    code, out, err = altcraft(group)
    assert (code, out) == (2, "")
    assert err.startswith(f"Usage: altcraft {group} ")


def test_commands_complete_in_a_shell(spawn: Spawn) -> None:
    """The shell is told what goes on with what was typed, by click."""
    asked = {"COMP_WORDS": "altcraft resources refr", "COMP_CWORD": "2"}
    process = spawn(env={**os.environ, "_ALTCRAFT_COMPLETE": "bash_complete", **asked})
    out, _ = process.communicate(timeout=5)
    assert [line.split(",")[1] for line in out.splitlines()] == ["refresh", "refresh-all"]


def test_version_is_one_line(altcraft: Altcraft) -> None:
    """The version is there without an account."""
    code, out, _ = altcraft("--version")
    assert (code, out.count("\n")) == (0, 1)
    assert out.startswith("altcraft ")


def test_port_in_use_says_how_to_find_another(server: Simulator, altcraft: Altcraft) -> None:
    """A port that is taken is a wrong setting."""
    code, out, err = altcraft("simulate", "--port", server.url.rpartition(":")[2])
    assert (code, out) == (2, "")
    assert "--port 0 finds one that is free" in err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /dev/full")
def test_full_disk_is_one_line(
    altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch, account: Simulator
) -> None:
    """What cannot be written is said in one line too."""
    task_id = account.world.start(Target("resource", (24, 1)), now=-1000)
    device = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 -- the next line closes it
    with io.TextIOWrapper(device, write_through=True) as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        code, _, err = altcraft("status", task_id)
    assert code == 1
    assert err == "altcraft: No space left on device\n"


def test_missing_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without click or rich there is one line that says what to install."""
    monkeypatch.setitem(sys.modules, "rich", None)
    for name in [name for name in sys.modules if name.startswith("altcraft_async.cli")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert entry.main() == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "pip install 'altcraft-async[cli]'" in err


def test_another_missing_module_is_not_blamed_on_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A module that is missing for another reason comes out as it is."""
    monkeypatch.setitem(sys.modules, "altcraft_async.cli.app", None)
    with pytest.raises(ModuleNotFoundError, match=r"altcraft_async\.cli\.app"):
        entry.main()


def test_entry_point_hands_on_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `altcraft` is installed as returns the code of the command."""
    monkeypatch.setattr(sys, "argv", ["altcraft", "--version"])
    assert entry.main() == 0


def test_error_outside_the_families_is_unexpected() -> None:
    """An error that the table does not know exits with 1, and without advice."""
    assert (code_of(ClientClosedError("closed")), hint_of(ClientClosedError("closed"))) == (1, None)
    assert code_of(AltcraftError("?")) == 1


def test_every_family_of_errors_has_one_code() -> None:
    """No error class stands in the table twice."""
    errors = [error for row in EXITS for error in row.errors]
    assert len(errors) == len(set(errors))
    assert len({row.code for row in EXITS}) == len(EXITS)


def test_advice_depends_on_whether_it_may_have_started() -> None:
    """Starting again is advised against only where the first start may have worked."""
    assert "poll the counters" in (hint_of(TransportError("x", maybe_delivered=True)) or "")
    assert "then try again" in (hint_of(TransportError("x")) or "")
    assert "poll the counters" in (hint_of(ServerError("x", maybe_delivered=True)) or "")
    assert hint_of(ServerError("x")) is None


def test_command_to_come_back_is_safe_to_paste() -> None:
    """A task id is quoted for the shell: it was the server's choice."""
    hint = hint_of(WaitError("x", ref=TaskRef(task_id="a;rm -rf $HOME")))
    assert hint == "the task goes on; to come back: altcraft task wait 'a;rm -rf $HOME'"
