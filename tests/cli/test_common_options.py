"""``--quiet``, ``--verbose`` and ``--debug``: what is printed on stderr, and that is all."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from click.shell_completion import BashComplete

from altcraft_async.cli.app import altcraft as root
from altcraft_async.cli.profiles import store_profile
from altcraft_async.observer import logger
from altcraft_async.protocol.token import Token
from altcraft_async.simulator import Fault, ThreadedSimulator
from tests.support.forked_command import ForkedCommand

Altcraft = Callable[..., tuple[int, str, str]]
OnTerminal = Callable[..., tuple[int, str]]
Spawn = Callable[..., ForkedCommand]

LIST = ("resources", "list", "--limit", "1", "--json")
REFRESH = ("refresh", "24", "25", "--database-id", "1")


@pytest.fixture
def retried(account: ThreadedSimulator) -> ThreadedSimulator:
    """A platform that refuses the first request, and takes it when it is sent again."""
    account.misbehave("resources/list", Fault.status(503, retry_after=0))
    return account


@pytest.mark.parametrize("option", ["--quiet", "--verbose", "--debug"])
def test_stdout_and_exit_code_are_the_same_with_every_option(
    account: ThreadedSimulator, altcraft: Altcraft, option: str
) -> None:
    assert altcraft(*LIST, option)[:2] == altcraft(option, *LIST)[:2] == altcraft(*LIST)[:2]
    assert account.count("resources/list") == 3


@pytest.mark.usefixtures("retried")
@pytest.mark.parametrize("arguments", [("-v", *LIST), (*LIST, "--debug")], ids=" ".join)
def test_verbose_prints_the_account_and_what_was_sent_again(
    altcraft: Altcraft, account: ThreadedSimulator, arguments: tuple[str, ...]
) -> None:
    code, _, err = altcraft(*arguments)
    first, second = err.splitlines()
    assert code == 0
    assert first == f"altcraft: using the account of the environment at {account.url}"
    assert " INFO sent again: resources/list: " in second


@pytest.mark.usefixtures("retried")
def test_without_an_option_a_retry_is_not_printed(altcraft: Altcraft) -> None:
    assert altcraft(*LIST)[2] == ""


@pytest.mark.usefixtures("account")
def test_debug_prints_each_record_of_a_task_and_verbose_does_not(altcraft: Altcraft) -> None:
    assert altcraft(*REFRESH, "--debug")[2].count(" DEBUG task ") == 4
    assert " DEBUG " not in altcraft(*REFRESH, "--verbose")[2]


@pytest.mark.usefixtures("account")
def test_quiet_drops_the_live_display_and_notices(
    on_terminal: OnTerminal, altcraft: Altcraft
) -> None:
    assert altcraft(*REFRESH, "--no-wait", "-q")[2] == ""
    code, text = on_terminal(*REFRESH, "-q")
    assert code == 0
    assert "refreshing" not in text
    assert "2 of 2 refreshes" in text


@pytest.mark.slow
def test_verbose_says_once_that_an_outage_began_and_ended(
    account: ThreadedSimulator, spawn: Spawn
) -> None:
    methods = ("tasks/status", "resources/list")
    account.misbehave_randomly(rate=1.0, faults=[Fault.html(502)], methods=methods)
    process = spawn("refresh", *map(str, range(1, 7)), "--database-id", "1", "--json", "-v")
    assert process.stderr is not None
    said = ""
    while "answer" not in said:
        said = process.stderr.readline()
    account.misbehave_randomly(rate=0.0, faults=[])
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert " WARNING the platform does not answer since " in said
    (ended,) = [line for line in err.splitlines() if "answer" in line]
    assert " INFO " in ended


@pytest.mark.usefixtures("refusing")
def test_quiet_still_says_why_a_command_failed(altcraft: Altcraft) -> None:
    code, _, err = altcraft("--quiet", "refresh", "24", "--database-id", "1")
    assert code == 3
    assert err.startswith("altcraft: resources/refresh_counters: refused with 402")


@pytest.mark.usefixtures("account")
def test_records_are_printed_as_whole_lines_above_the_live_display(on_terminal: OnTerminal) -> None:
    code, text = on_terminal(*REFRESH, "--debug")
    assert code == 0
    assert "refreshing" in text
    records = [line for line in text.splitlines() if " DEBUG task " in line]
    assert len(records) == 4
    assert all(line.endswith((" is started", " is over")) for line in records)


def test_token_in_a_record_is_masked_and_control_characters_are_escaped(
    account: ThreadedSimulator, altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library puts no token into records; a library that it uses might."""
    monkeypatch.setenv("ALTCRAFT_TOKEN", account.token)

    class Leaking(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            record.msg = f"{record.msg} {account.token}\x1b[31m"
            return True

    leaking = Leaking()
    logger.addFilter(leaking)
    try:
        err = altcraft(*REFRESH, "--debug")[2]
    finally:
        logger.removeFilter(leaking)
    assert err.count(r" ***\x1b[31m") == 4
    assert account.token not in err


@pytest.mark.usefixtures("account")
def test_logger_is_as_before_once_a_command_has_ended(altcraft: Altcraft) -> None:
    before = logger.level, list(logger.handlers)
    altcraft(*LIST, "--debug")
    assert (logger.level, logger.handlers) == before


def test_two_different_options_exclude_each_other_wherever_they_are(altcraft: Altcraft) -> None:
    for arguments in (("--quiet", *LIST, "--debug"), (*LIST, "-q", "-v")):
        code, _, err = altcraft(*arguments)
        assert code == 2
        assert err.startswith("altcraft: --quiet, --verbose and --debug exclude each other.\n")


def test_profiles_complete_in_a_shell() -> None:
    for name in ("work", "wedding", "staging"):
        store_profile(name, "https://example.com", Token("a-token"), use_keyring=False)
    shell = BashComplete(root, {}, "altcraft", "_ALTCRAFT_COMPLETE")
    found = shell.get_completions(["resources", "list", "--profile"], "w")
    assert [one.value for one in found] == ["wedding", "work"]
