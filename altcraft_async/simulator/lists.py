"""Pages of a list, and the three things that ``next_from_id`` means in the vendor's samples."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

Cursor: TypeAlias = Literal["next_id", "next_row", "last_row"]
"""What ``next_from_id`` says.

``next_id`` the next object after the page, whether or not the filter lets it
in (as in the sample of ``resources/list``: row 1, next 4, total 1);
``next_row`` the next row (``databases/list``: rows 1 and 2, next 6, total 4);
``last_row`` the last row of the page (``segments/list``: rows 1 and 2, next 2,
total 2), so that a page of one row leads nowhere. No meaning is 0 at the end:
the first two point behind the last row then.
"""


class Page(NamedTuple):
    """Part of a list.

    Attributes:
        ids: Of its rows, ascending.
        next_from_id: The cursor; that of an empty page is where it began.
        total_count: How many rows all pages have.
    """

    ids: Sequence[int]
    next_from_id: int
    total_count: int


def cut_page(
    everything: Sequence[int], chosen: Sequence[int], *, from_id: int, limit: int, cursor: Cursor
) -> Page:
    """Cut a page out of a list.

    Args:
        everything: Ids of all objects there are, ascending.
        chosen: Ids of those that the filter lets in, ascending.
        from_id: Lowest id of the page.
        limit: How many rows at most.
        cursor: What the answer calls next.
    """
    begin = bisect_left(chosen, from_id)
    ids = chosen[begin : begin + limit]
    if not ids:
        return Page(ids, from_id, len(chosen))
    last = ids[-1]
    following = {"next_id": everything, "next_row": chosen}.get(cursor)
    next_from_id = last if following is None else _after(following, last)
    return Page(ids, next_from_id, len(chosen))


def _after(ids: Sequence[int], last: int) -> int:
    place = bisect_right(ids, last)
    return ids[place] if place < len(ids) else last + 1
