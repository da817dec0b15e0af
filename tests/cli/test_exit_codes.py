"""Errors: one exit code per family, one line, and a hint on what to do next."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from altcraft_async import (
    AltcraftError,
    ClientClosedError,
    ServerError,
    TaskFailedError,
    TaskLostError,
    TaskRef,
    TransportError,
    WaitError,
)
from altcraft_async.cli.exit_codes import EXIT_CODES, code_of, hint_of
from altcraft_async.simulator import Fault, Simulator

Altcraft = Callable[..., tuple[int, str, str]]

REFRESH = ("refresh", "24", "--database-id", "1")
START = "resources/refresh_counters"


@pytest.mark.parametrize(
    ("fault", "code", "hint"),
    [
        (Fault.refuse(400), 3, None),
        (Fault.refuse(401), 4, "check ALTCRAFT_TOKEN"),
        (Fault.refuse(403), 4, "role and object groups"),
        (Fault.refuse(404), 3, "check the ids"),
        (Fault.status(500), 3, "may have started anyway"),
        (Fault.lost_start(), 5, "may have started anyway"),
        (Fault.html(200), 6, "may have started anyway"),
        (Fault.failed_task(), 7, "start it again"),
    ],
)
def test_fault_of_the_platform_gives_its_exit_code_and_hint(
    account: Simulator, altcraft: Altcraft, fault: Fault, code: int, hint: str | None
) -> None:
    account.misbehave(START, fault)
    got, out, err = altcraft(*REFRESH)
    first, *hints = err.splitlines()
    assert (got, out) == (code, "")
    assert first.startswith("altcraft: ")
    assert len(hints) == (hint is not None)
    assert (hint or "") in "".join(hints)
    assert account.token not in err


@pytest.mark.parametrize(
    ("missing", "hint"),
    [
        ("ALTCRAFT_TOKEN", "to set it: export ALTCRAFT_TOKEN="),
        ("ALTCRAFT_URL", "to set it: export ALTCRAFT_URL="),
    ],
)
def test_missing_account_prints_how_to_set_it_and_sends_nothing(
    account: Simulator,
    altcraft: Altcraft,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    hint: str,
) -> None:
    monkeypatch.delenv(missing)
    code, _, err = altcraft(*REFRESH)
    assert (code, account.count(START)) == (2, 0)
    assert f"altcraft: {missing}: " in err
    assert hint in err


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [("ALTCRAFT_URL", "example.com"), ("ALTCRAFT_TOKEN", "two words"), ("ALTCRAFT_FORMAT", "yaml")],
)
def test_wrong_setting_is_called_by_the_name_of_its_variable(
    altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch, variable: str, wrong: str
) -> None:
    monkeypatch.setenv("ALTCRAFT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ALTCRAFT_TOKEN", "secret")
    monkeypatch.setenv(variable, wrong)
    code, _, err = altcraft("status", "some-task")
    assert code == 2
    first, hint = err.splitlines()
    assert first.startswith(f"altcraft: {variable}: ")
    assert "two words" not in err
    assert f"to set it: export {variable}=" in hint


@pytest.mark.filterwarnings("default:base_url")
def test_unencrypted_address_is_warned_of_in_one_line(
    altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALTCRAFT_URL", "http://altcraft.invalid")
    monkeypatch.setenv("ALTCRAFT_TOKEN", "secret")
    _, _, err = altcraft("status", "some-task")
    assert err.splitlines()[0] == (
        "altcraft: ALTCRAFT_URL: http:// sends the token unencrypted; use https://"
    )


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    "command",
    ["status", pytest.param("wait", marks=pytest.mark.slow)],  # waits five seconds
)
def test_unknown_task_has_one_code_whether_polled_once_or_waited_for(
    altcraft: Altcraft, command: str
) -> None:
    assert altcraft(command, "unknown-task")[0] == 7


def test_unreachable_platform_gives_a_hint_on_url_and_network(
    altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALTCRAFT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ALTCRAFT_TOKEN", "secret")
    code, _, err = altcraft("status", "some-task")
    assert code == 5
    assert "check ALTCRAFT_URL and the network" in err
    assert "secret" not in err


def test_error_outside_the_families_is_unexpected() -> None:
    assert (code_of(ClientClosedError("closed")), hint_of(ClientClosedError("closed"))) == (1, None)
    assert code_of(AltcraftError("?")) == 1


def test_task_lost_in_a_wait_has_the_code_of_a_failed_task() -> None:
    ref = TaskRef(task_id="x")
    assert code_of(TaskLostError("x", ref=ref)) == code_of(TaskFailedError("x", ref=ref)) == 7


def test_every_family_of_errors_has_one_code() -> None:
    errors = [error for row in EXIT_CODES for error in row.errors]
    assert len(errors) == len(set(errors))
    assert len({row.code for row in EXIT_CODES}) == len(EXIT_CODES)


def test_hint_depends_on_whether_the_task_may_have_started() -> None:
    assert "check the counters" in (hint_of(TransportError("x", maybe_delivered=True)) or "")
    assert "then try again" in (hint_of(TransportError("x")) or "")
    assert "check the counters" in (hint_of(ServerError("x", maybe_delivered=True)) or "")
    assert hint_of(ServerError("x")) is None


def test_command_to_come_back_is_safe_to_paste() -> None:
    """The server chooses the task ids."""
    hint = hint_of(WaitError("x", ref=TaskRef(task_id="a;rm$IFS-rf$IFS$HOME")))
    assert hint == "the task goes on; to come back: altcraft task wait 'a;rm$IFS-rf$IFS$HOME'"
