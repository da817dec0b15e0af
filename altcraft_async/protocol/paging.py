"""Where an iteration over the pages of a list stands, and when it is over.

The vendor says to pass ``next_from_id`` back as ``from_id`` until no rows
come. What the cursor is differs from page to page of the documentation: the
first id of the next page, some id beyond, or the last id that was returned,
which then comes again.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import msgspec

__all__ = ["Identified", "Page", "Position"]


class Identified(Protocol):
    """Whatever a list has rows of."""

    @property
    def id(self) -> int:
        """What the cursor counts in."""
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
    """What has to be remembered between two pages.

    Attributes:
        from_id: First id of the page to ask for.
        limit: Rows to ask for.
        floor: Ids below were asked for before.
        recent: Ids from ``from_id`` on that were handed out. As a page has the
            lowest ids from there on, that is no more than one page of them.
        handed: How many rows were handed out.
        over: Whether there is nothing more to ask for.
    """

    from_id: int
    limit: int
    floor: int = 0
    recent: frozenset[int] = frozenset()
    handed: int = 0
    over: bool = False

    def turn(self, page: Page[Row]) -> tuple[Position, tuple[Row, ...]]:
        """Return where this page leads, and its rows that were not handed out before."""
        fresh: dict[int, Row] = {}
        for row in page.rows:
            if row.id >= self.floor and row.id not in self.recent:
                fresh.setdefault(row.id, row)
        handed = self.handed + len(fresh)
        from_id = self._next(page, handed)
        there = Position(
            from_id=from_id,
            limit=self.limit,
            floor=from_id,
            recent=frozenset(one for one in self.recent.union(fresh) if one >= from_id),
            handed=handed,
            over=not page.rows or from_id <= self.from_id,
        )
        return there, tuple(fresh.values())

    def _next(self, page: Page[Row], handed: int) -> int:
        """Return the first id to ask for next: one that does not advance ends the iteration."""
        if page.next_from_id is not None and page.next_from_id > self.from_id:
            return page.next_from_id
        if len(page.rows) >= self.limit and handed < (page.total or 0):
            # A page of one row whose cursor is that row stands still, though more rows follow.
            return max(row.id for row in page.rows) + 1
        return self.from_id
