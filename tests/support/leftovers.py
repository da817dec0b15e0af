"""What a client may leave behind in a loop: tasks, sockets, timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

TURNS = 5
"""Of the loop, in which what was closed says goodbye."""


def left_behind() -> Callable[[], None]:
    """Return what asserts that no task, socket or timer is there that was not now."""
    loop = asyncio.get_running_loop()
    sockets = _open_sockets()

    def check() -> None:
        assert asyncio.all_tasks() <= {asyncio.current_task()}
        assert _open_sockets() <= sockets
        timers: list[asyncio.TimerHandle] = vars(loop)["_scheduled"]
        assert [timer for timer in timers if not timer.cancelled()] == []

    return check


async def let_go() -> None:
    """Give what was closed the loop's next turns."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


def _open_sockets() -> set[str]:
    links: set[str] = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.add(str(entry.readlink()))
        except FileNotFoundError:  # the one that lists the folder
            continue
    return {link for link in links if link.startswith("socket:")}
