"""Waiting for what another process does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

__all__ = ["until"]

T = TypeVar("T")


async def until(asked: Callable[[], Awaitable[T | None]], *, timeout: float = 20.0) -> T:  # noqa: ASYNC109 -- for who calls it once
    """Ask until there is an answer that is true, and return it."""
    async with asyncio.timeout(timeout):
        while True:
            if answer := await asked():
                return answer
            await asyncio.sleep(0.01)
