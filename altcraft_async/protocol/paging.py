"""The position of an iteration over the pages of a list.

The vendor says to send ``next_from_id`` back as ``from_id`` until a page has
no rows. Its documentation shows three meanings of ``next_from_id``: the first
id of the next page, some id beyond, and the last id of this page, which then
comes again. So a `Position` keeps the ids from the cursor on that were
returned: `Position.after` drops their rows, and no row comes twice.

A page has the lowest ids from its cursor on, so these ids are at most one
page of them. The iteration ends with an empty page or with a cursor that
does not advance. A full page whose cursor stands still, with rows missing
from ``total_count``, goes on after its last id instead.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import msgspec

__all__ = ["Identified", "Page", "Position"]


class Identified(Protocol):
    """A row of a list."""

    @property
    def id(self) -> int:
        """The id that the cursor refers to."""
        ...


Row = TypeVar("Row", bound=Identified)
Row_co = TypeVar("Row_co", bound=Identified, covariant=True)


class Page(msgspec.Struct, Generic[Row_co], frozen=True, kw_only=True):
    """One answer of a ``list``.

    Attributes:
        rows: In the order of the answer.
        next_from_id: As sent; ``None`` where missing.
        total: As sent (``total_count``); ``None`` where missing.
    """

    rows: tuple[Row_co, ...]
    next_from_id: int | None = None
    total: int | None = None


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The state between two pages.

    Attributes:
        from_id: First id of the next page.
        limit: Rows per page.
        floor: Rows with a smaller id were returned before.
        recent: Ids from ``from_id`` on that were returned before.
        returned: How many rows were returned.
        over: Whether there is no next page.
    """

    from_id: int
    limit: int
    floor: int = 0
    recent: frozenset[int] = frozenset()
    returned: int = 0
    over: bool = False

    def after(self, page: Page[Row]) -> tuple[Position, tuple[Row, ...]]:
        """Return the position after this page, and its rows that were not returned before."""
        fresh: dict[int, Row] = {}
        for row in page.rows:
            if row.id >= self.floor and row.id not in self.recent:
                fresh.setdefault(row.id, row)
        returned = self.returned + len(fresh)
        from_id = self._next(page, returned)
        position = Position(
            from_id=from_id,
            limit=self.limit,
            floor=from_id,
            recent=frozenset(one for one in self.recent.union(fresh) if one >= from_id),
            returned=returned,
            over=not page.rows or from_id <= self.from_id,
        )
        return position, tuple(fresh.values())

    def _next(self, page: Page[Row], returned: int) -> int:
        """Return the first id of the next page; one that does not advance ends the iteration."""
        if page.next_from_id is not None and page.next_from_id > self.from_id:
            return page.next_from_id
        if len(page.rows) >= self.limit and returned < (page.total or 0):
            # As with a page of one row, whose cursor is that row.
            return max(row.id for row in page.rows) + 1
        return self.from_id
