"""`altcraft monitor`."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from altcraft_async import SQLiteLedger
from altcraft_async.history import CounterHistory
from tests.support.counts import NIGHT, row_of
from tests.support.forked_command import ForkedCommand
from tests.support.ledgers import entry_of
from tests.support.ports import free_port
from tests.support.redis_server import shared_redis

Altcraft = Callable[..., tuple[int, str, str]]
Spawn = Callable[..., ForkedCommand]


async def make_ledger(path: Path) -> None:
    """Write a ledger with one start."""
    async with SQLiteLedger(path) as ledger:
        await ledger.write(entry_of(), expected=0)


async def make_history(path: Path) -> None:
    """Write a history with one row."""
    async with CounterHistory(path) as history:
        await history.append([row_of()])


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


def test_history_alone_is_served_and_stays_as_it_was(spawn: Spawn, tmp_path: Path) -> None:
    path = tmp_path / "counters.sqlite"
    asyncio.run(make_history(path))
    before = path.read_bytes()
    process = spawn("monitor", "--history", str(path), "--port", "0")
    assert process.stdout
    url = process.stdout.readline().strip()
    with urlopen(f"{url}events", timeout=30) as events:  # noqa: S310 -- of this machine
        lines = [events.readline() for _ in range(14)]
    assert b'"past":true' in lines[1]
    (line,) = json.loads(lines[13].removeprefix(b"data: "))["lines"]
    assert line["points"] == [[NIGHT.timestamp(), 800]]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert path.read_bytes() == before


@pytest.mark.parametrize("what", ["ledger", "history"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"", "is empty"),
        (b"no database" * 1000, "cannot be used (file is not a database)"),
    ],
)
def test_unusable_file_is_an_error_and_stays_as_it_was(
    altcraft: Altcraft, tmp_path: Path, what: str, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "some.sqlite"
    if content is not None:
        path.write_bytes(content)
    ended, out, err = altcraft("monitor", f"--{what}", str(path), "--port", "0")
    assert (ended, out) == ((12 if what == "ledger" else 11) if content else 2, "")
    assert err.startswith(f"altcraft: {what}: {path} {reason}")
    assert (path.read_bytes() if path.exists() else None) == content


@pytest.mark.slow
@pytest.mark.parametrize("what", ["ledger", "fleet"])
def test_password_of_a_redis_is_not_shown(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv(f"ALTCRAFT_{what.upper()}", f"{shared_redis().url}?client_name=a")
    process = spawn("monitor", "--port", "0")
    assert process.stdout
    url = process.stdout.readline().strip()
    with urlopen(f"{url}events", timeout=30) as events:  # noqa: S310 -- of this machine
        summary = events.readline() + events.readline()
    assert f'"source":"{what} redis://127.0.0.1:'.encode() in summary
    assert b"client_name" not in summary
    assert b"@" not in summary
    process.kill()


def test_fleet_without_a_redis_is_an_error(altcraft: Altcraft) -> None:
    code, out, err = altcraft("monitor", "--fleet", f"redis://127.0.0.1:{free_port()}")
    assert (code, out) == (5, "")
    assert err.startswith("altcraft: fleet: Redis cannot be used (")
    code, out, err = altcraft("monitor", "--fleet", "http://localhost")
    assert (code, out) == (2, "")
    assert err.startswith("altcraft: redis: has to be a URL such as redis://localhost:6379/0")


def test_page_without_a_source_is_a_wrong_setting(altcraft: Altcraft) -> None:
    code, out, err = altcraft("monitor")
    assert (code, out) == (2, "")
    assert "'--ledger'" in err
