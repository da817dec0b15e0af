"""`altcraft monitor`."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from altcraft_async import SQLiteLedger
from tests.support.ledgers import entry_of
from tests.support.redis_server import shared_redis

Altcraft = Callable[..., tuple[int, str, str]]
Spawn = Callable[..., "subprocess.Popen[str]"]


async def make_ledger(path: Path) -> None:
    """Write a ledger with one start."""
    async with SQLiteLedger(path) as ledger:
        await ledger.write(entry_of(), expected=0)


def test_page_of_a_file_is_served_until_ctrl_c(spawn: Spawn, tmp_path: Path) -> None:
    path = tmp_path / "starts.sqlite"
    asyncio.run(make_ledger(path))
    process = spawn("monitor", "--ledger", str(path), "--port", "0")
    assert process.stdout
    url = process.stdout.readline().strip()
    with urlopen(f"{url}events", timeout=30) as events:  # noqa: S310 -- of this machine
        assert b'"start unknown"' in events.readline() + events.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == f"altcraft: open {url} in a browser; Ctrl-C ends it\n"


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (None, 2, "cannot be read (No such file or directory)"),
        (b"", 2, "is empty"),
        (b"no database" * 1000, 12, "cannot be used (file is not a database)"),
    ],
)
def test_unusable_file_is_an_error_and_stays_as_it_was(
    altcraft: Altcraft, tmp_path: Path, content: bytes | None, code: int, reason: str
) -> None:
    path = tmp_path / "starts.sqlite"
    if content is not None:
        path.write_bytes(content)
    ended, out, err = altcraft("monitor", "--ledger", str(path), "--port", "0")
    assert (ended, out) == (code, "")
    assert err.startswith(f"altcraft: ledger: {path} {reason}")
    assert (path.read_bytes() if path.exists() else None) == content


@pytest.mark.slow
def test_password_of_a_redis_is_not_shown(spawn: Spawn) -> None:
    process = spawn("monitor", "--port", "0", env={"ALTCRAFT_LEDGER": shared_redis().url})
    assert process.stdout
    url = process.stdout.readline().strip()
    with urlopen(f"{url}events", timeout=30) as events:  # noqa: S310 -- of this machine
        summary = events.readline() + events.readline()
    assert b'"source":"ledger ' in summary
    assert b"@" not in summary
    process.kill()


def test_missing_ledger_is_a_wrong_setting(altcraft: Altcraft) -> None:
    code, out, err = altcraft("monitor")
    assert (code, out) == (2, "")
    assert "'--ledger'" in err
