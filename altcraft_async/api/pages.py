"""`Pages`: the rows of a list, read page by page as they are wanted."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Generic, TypeVar

from altcraft_async.protocol.endpoints import Endpoint
from altcraft_async.protocol.paging import Identified, Page, Position
from altcraft_async.transport.sender import Sender

__all__ = ["Pages"]

Row = TypeVar("Row", bound=Identified)


class Pages(AsyncIterator[Row], Generic[Row]):
    """The rows of a list, over all of its pages, each row once.

    Nothing is sent before the first row is wanted; then each page costs one
    request, and no more than one page is kept. It ends with an empty page, or
    with a cursor that does not advance.

    A page that fails raises its error and is asked for again when the
    iteration goes on, so nothing is lost and nothing comes twice:

    ```python
    pages = client.resources.list()
    async for resource in pages:
        print(resource.id, resource.name)
        break
    first_one_left = await anext(pages)
    ```

    Made by ``list`` of ``client.resources``, ``.databases`` and ``.segments``.
    It can be gone through once; several tasks may share it.
    """

    def __init__(
        self,
        sender: Sender,
        endpoint: Endpoint[Page[Row]],
        position: Position,
        filters: Mapping[str, object],
    ) -> None:
        """Remember what to ask for; ask nothing yet."""
        self._sender = sender
        self._endpoint = endpoint
        self._position = position
        self._filters = filters
        self._rows: deque[Row] = deque()
        self._total: int | None = None
        self._turning = asyncio.Lock()

    @property
    def total(self) -> int | None:
        """Rows in all, as the newest page says; ``None`` before the first, or where unsaid."""
        return self._total

    async def __anext__(self) -> Row:
        """Return the next row, asking for the next page where the last is used up.

        Raises:
            AltcraftError: The page failed; the next call asks for it again.
        """
        async with self._turning:
            while not self._rows:
                if self._position.over:
                    raise StopAsyncIteration
                await self._turn()
            return self._rows.popleft()

    def __repr__(self) -> str:
        """Show how far it is, without asking anybody."""
        state = "over" if self._position.over else f"from_id={self._position.from_id}"
        return f"<Pages of {self._endpoint.path}: {self._position.handed} rows read, {state}>"

    async def _turn(self) -> None:
        where = {"from_id": self._position.from_id, "limit": self._position.limit}
        page = await self._sender.send(self._endpoint, {**where, **self._filters})
        self._position, fresh = self._position.turn(page)
        self._rows.extend(fresh)
        self._total = page.total
