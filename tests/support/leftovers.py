"""What a client may leave behind in a loop: tasks, sockets, timers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

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


@asynccontextmanager
async def leaving_nothing() -> AsyncGenerator[None, None]:
    """Assert that the block leaves no task, socket or timer behind."""
    check = left_behind()
    yield
    await let_go()
    check()


def _open_sockets() -> set[str]:
    links: set[str] = set()
    for descriptor in os.listdir("/proc/self/fd"):  # noqa: PTH208 -- a tenth of the time of Path
        try:
            links.add(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115 -- likewise
        except FileNotFoundError:  # the one that lists the folder
            continue
    return {link for link in links if link.startswith("socket:")}
