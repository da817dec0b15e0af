"""`Pages`: the rows of a list, read page by page."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Generic, TypeVar

from altcraft_async.models.representation import at_any_moment
from altcraft_async.protocol.endpoints import Endpoint
from altcraft_async.protocol.paging import Identified, Page, Position
from altcraft_async.transport.sender import Sender

__all__ = ["Pages"]

Row = TypeVar("Row", bound=Identified)


class Pages(AsyncIterator[Row], Generic[Row]):
    """The rows of a list, over all of its pages, each row once.

    Each page costs one request, sent when its first row is read, and one page
    is kept in memory. A page that fails raises its error. Go on with the
    iteration to request it again: no row is lost and none comes twice.

    ```python
    pages = client.resources.list()
    async for resource in pages:
        print(resource.id, resource.name)
        break
    first_one_left = await anext(pages)
    ```

    Returned by ``list`` of ``client.resources``, ``.databases`` and ``.segments``.
    It can be iterated over once; several asyncio tasks may share it.
    """

    def __init__(
        self,
        sender: Sender,
        endpoint: Endpoint[Page[Row]],
        position: Position,
        filters: Mapping[str, object],
    ) -> None:
        """Send nothing yet."""
        self._sender = sender
        self._endpoint = endpoint
        self._position = position
        self._filters = filters
        self._rows: deque[Row] = deque()
        self._total: int | None = None
        self._lock = asyncio.Lock()

    @property
    def total(self) -> int | None:
        """Rows in all, as the newest page says; ``None`` before the first, or where it does not."""
        return self._total

    async def __anext__(self) -> Row:
        """Return the next row, with a request if a new page begins.

        Raises:
            AltcraftError: The page failed; the next call requests it again.
        """
        async with self._lock:
            while not self._rows:
                if self._position.over:
                    raise StopAsyncIteration
                await self._read_page()
            return self._rows.popleft()

    @at_any_moment
    def __repr__(self) -> str:
        """Show the position."""
        state = "over" if self._position.over else f"from_id={self._position.from_id}"
        return f"<Pages of {self._endpoint.path}: {self._position.returned} rows read, {state}>"

    async def _read_page(self) -> None:
        cursor = {"from_id": self._position.from_id, "limit": self._position.limit}
        page = await self._sender.send(self._endpoint, {**cursor, **self._filters})
        self._position, fresh = self._position.after(page)
        self._rows.extend(fresh)
        self._total = page.total
