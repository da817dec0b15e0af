"""`altcraft simulate`."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable

import pytest

from altcraft_async.simulator import Simulator
from tests.support.forked_command import ForkedCommand

Altcraft = Callable[..., tuple[int, str, str]]
Spawn = Callable[..., ForkedCommand]


def test_printed_account_works_until_ctrl_c(
    spawn: Spawn, altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = ("--resources", "3", "--databases", "2", "--segments", "1")
    process = spawn("simulate", "--port", "0", "--seed", "7", *sizes)
    assert process.stdout
    for _ in range(2):
        name, value = process.stdout.readline().strip().removeprefix("export ").split("=")
        monkeypatch.setenv(name, value)
    assert altcraft("refresh", "3", "--database-id", "1", "--no-wait")[0] == 0
    assert altcraft("refresh", "4", "--database-id", "1", "--no-wait")[0] == 3
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "altcraft: 3 resources, 2 databases, 1 segments; Ctrl-C ends it\n"


def test_port_in_use_is_a_wrong_setting(account: Simulator, altcraft: Altcraft) -> None:
    port = account.url.rpartition(":")[2]
    code, out, err = altcraft("simulate", "--port", port)
    assert (code, out) == (2, "")
    fault, hint = err.splitlines()
    assert fault == f"altcraft: port: cannot listen on {port}: {os.strerror(errno.EADDRINUSE)}"
    assert "--port 0 finds a free one" in hint
