"""How fast a client may send, over everything it sends."""

from __future__ import annotations

import asyncio

__all__ = ["Budget"]


class Budget:
    """Spaces requests evenly, in the order in which they come."""

    def __init__(self, rate: float | None) -> None:
        """Allow so many requests a second; ``None`` allows any number."""
        self._gap = 0.0 if rate is None else 1 / rate
        self._next = 0.0

    async def take(self) -> None:
        """Wait until one more request may be sent."""
        if not self._gap:
            return
        now = asyncio.get_running_loop().time()
        mine = max(now, self._next)
        self._next = mine + self._gap
        if mine > now:
            await asyncio.sleep(mine - now)
