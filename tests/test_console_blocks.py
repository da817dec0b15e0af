"""The console blocks of README and docs print what the pages show, against the simulator."""

from __future__ import annotations

import os
import random
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from altcraft_async import CounterRow
from altcraft_async.history import CounterHistory
from altcraft_async.simulator import Fault, ThreadedSimulator
from tests.support.console import CTRL_C, Command, Terminal, commands, same
from tests.support.counts import row_of
from tests.support.guides import GUIDES
from tests.support.programs import needed_program

ROOT = GUIDES.parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

FOLLOWED = (
    "README.md",
    "docs/tutorial.md",
    "docs/guides/command-line.md",
    "docs/guides/history.md",
)
"""The pages that tests below follow from the first command to the last."""

ELSEWHERE = {
    r"python3 -m venv .* (altcraft demo|pytest)$": ".ci/run",
    r"python3 -m venv |\. nightly/bin/activate|pip install ": "tests/test_guides_installed.py",
    r"apt-get install redis-server": ".ci/run",
    r"export ALTCRAFT_URL=https://example.com": "tests/cli/test_account.py",
    r"(ALTCRAFT_FLEET=\S+ )?altcraft monitor\b": "tests/cli/commands/test_monitor.py",
    r"altcraft resume nightly > /dev/null|echo \$\?": "tests/cli/test_named_run.py",
    r"python (first|nightly|compare)\.py": "tests/test_tutorial.py",
    r"python (to_\w+|bounces)\.py": "tests/history/test_warehouse_guide.py",
    r"python nightly\.py 2026-|wc -l": "tests/api/test_nightly.py",
    r"taskiq worker |python enqueue\.py": "tests/fleet/test_workers_guide.py",
    r"altcraft simulate --duration 5 5": "tests/integrations/test_web_guides.py",
    r"uvicorn |curl .*localhost|WARNING: altcraft_async": "tests/integrations/test_web_guides.py",
    r"export PUBLIC_URL": "tests/integrations/test_web_guides.py",
    r"curl -X DELETE .*state-store|export AIRFLOW_CONN": ".ci/airflow.sh",
    r"python -m tests\.support\.public_api": "tests/test_public_api.py",
    r"cat ~/\.altcraft|chmod 600|crontab -l": "",  # files of the reader's own
}
"""Patterns of the other commands, and what runs them."""

# The last night of a made-up history: subscribers and hard bounces, and their change in a night.
LAST_NIGHT = {
    (24, "email"): (9498, -7, 238, 1),
    (24, "sms"): (7312, 4, 180, 0),
    (24, "push"): (5120, 0, 301, 1),
    (25, "email"): (31020, 12, 410, 1),
    (25, "sms"): (24648 - 12, -12, 377, 0),
    (25, "push"): (19877, 3, 676, 5),
    (26, "email"): (16801, -36, 455, 2),
    (26, "sms"): (14230, 9, 595, 3),
    (26, "push"): (11764, 1, 540, 5),
}
NIGHTS = 61


class Shell:
    """A reader's shell, with a platform as the pages have it and a small one.

    Commands whose numbers vary run against the small one, which takes less time.
    """

    def __init__(self, home: Path, platform: ThreadedSimulator, small: ThreadedSimulator) -> None:
        """Open a terminal in an empty home directory."""
        self.home = home
        self.platform = platform
        self.small = small
        unwanted = re.compile("ALTCRAFT_|XDG_|FORCE_COLOR|NO_COLOR|TTY_")
        inherited = {name: text for name, text in os.environ.items() if not unwanted.match(name)}
        self._terminal = Terminal(
            home,
            {
                **inherited,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "PYTHON_KEYRING_BACKEND": "tests.support.file_keyring.FileKeyring",
            },
        )

    def check(self, command: Command, *, small: bool = False) -> None:
        """Run a command and compare what it prints, on a small platform or on the usual one."""
        typed = command.typed
        address = "https://altcraft.example.com"
        how: dict[str, Any] = {}
        if small or command.numbers_vary:
            how = {"ALTCRAFT_URL": self.small.url, "ALTCRAFT_TOKEN": self.small.token}
        if typed.startswith("altcraft simulate"):
            typed += " --port 0"
            how["keys"] = [("Ctrl-C ends it", CTRL_C)]
        if command.typed.startswith("altcraft login"):
            address_and_token = ("Address", self.platform.url), ("not shown", self.platform.token)
            how["keys"] = [(prompt, f"{text}\n") for prompt, text in address_and_token]
        if "--profile staging" in command.typed:
            address = "https://staging.example.com"
            how["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
        if "altcraft: stopped" in command.printed:
            how["keys"] = [(r"\b([2-9]|\d\d+) completed, \d+ failed, 2 running", CTRL_C)]
        if "9 failed" in command.printed:
            fault = Fault.refuse(402, "Tariff limit")
            self.small.misbehave("resources/refresh_counters", fault, times=9)
        printed = self._terminal.run(typed.replace(address, self.platform.url), **how)
        printed = printed.replace(str(self.home), "/home/ann").replace(self.platform.url, address)
        printed = re.sub(r"(?<=http://127.0.0.1:)\d+", "8080", printed.replace("^C", ""))
        assert not command.printed or same(printed, command), f"$ {command.typed}\n{printed}"


@pytest.fixture
def shell() -> Iterator[Shell]:
    needed_program("jq", "jq")
    with (
        TemporaryDirectory() as folder,  # whose name is short, so that no line is broken
        ThreadedSimulator(duration=0.05) as platform,
        ThreadedSimulator(resources=20, duration=(0.3, 3)) as small,
    ):
        (Path(folder) / "token.txt").write_text(platform.token)
        yield Shell(Path(folder), platform, small)


def run_elsewhere(command: Command) -> str | None:
    """Return what runs a command, if the table has it."""
    return next((by for pattern, by in ELSEWHERE.items() if re.match(pattern, command.typed)), None)


def made_up_history() -> Iterator[CounterRow]:
    """Return the rows of 61 nights in which little happens."""
    rng = random.Random(2)  # noqa: S311 -- no secret
    for (resource_id, channel), last in LAST_NIGHT.items():
        subscribed, grown, bounced, more = last
        for days in range(NIGHTS):
            refreshed = datetime(2026, 11, 27, 2, tzinfo=UTC) - timedelta(days=days)
            yield row_of()._replace(
                resource_id=resource_id,
                name=f"News site {resource_id}",
                channel=channel,
                all=100_000,
                subscribed=subscribed,
                unsubscribed=60,
                complained=0,
                hardbounced=bounced,
                refreshed_at=refreshed,
                counted_at=refreshed,
                updated=refreshed,
            )
            subscribed, bounced = subscribed - grown, bounced - more
            grown, more = rng.randint(-60, 65), rng.choice((0, 1, 3))


def test_each_console_block_is_run_by_a_test() -> None:
    for page in PAGES:
        if str(page.relative_to(ROOT)) in FOLLOWED:
            continue
        for command in commands(page):
            by = run_elsewhere(command)
            assert by is not None, f"{page}: no test runs: {command.typed}"
            assert by.startswith(".ci/") or (ROOT / by).exists()  # an sdist has no .ci


@pytest.mark.parametrize(
    ("printed", "shown", "equal"),
    [
        ("12 refreshes, 40 polls, 1.5 s\n", "12 refreshes, 31 polls, 0.2 s\n", True),
        ("12 refreshes, 40 polls, 1.5 s\n", "13 refreshes, 40 polls, 1.5 s\n", False),
        ("a\nb\nc\n", "a\n…\nc\n", True),
        ("a\nb\nc\n", "a\n…\n", True),
        ("a\nb\nc\n", "a\nc\n", False),
        ("status: 401: no\n", "status: 401: …\n", True),
        ("status: 402: no\n", "status: 401: …\n", False),
    ],
)
def test_output_is_compared_but_for_what_differs_at_each_run(
    printed: str, shown: str, *, equal: bool
) -> None:
    assert same(printed, Command("altcraft", shown, numbers_vary=False)) is equal


def test_words_are_compared_where_numbers_vary() -> None:
    shown = Command("altcraft runs", "nightly   163+ 122 not over\n", numbers_vary=True)
    assert same("nightly  29  2 not over\n", shown)
    assert not same("nightly  29  2 over\n", shown)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in FOLLOWED if "history" not in page])
def test_page_followed_in_a_shell_prints_what_it_shows(page: str, shell: Shell) -> None:
    for command in commands(ROOT / page):
        if run_elsewhere(command) is None:
            shell.check(command, small="command-line" not in page and "login" not in command.typed)


@pytest.mark.slow
async def test_history_guide_prints_what_it_shows(shell: Shell) -> None:
    """The first command refreshes, and the others look at the history of two months."""
    first, *others = commands(ROOT / "docs/guides/history.md")
    shell.check(first, small=True)
    (shell.home / "counters.sqlite").unlink()
    async with CounterHistory(shell.home / "counters.sqlite") as history:
        await history.append(list(made_up_history()))
    for command in others:
        shell.check(command)
