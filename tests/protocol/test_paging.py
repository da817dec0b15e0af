"""Positions of iterations over pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.models.catalogue import AccessGroup
from altcraft_async.protocol.paging import Page, Position

CORE = settings.get_profile("pure")

Cursor = Callable[[list[int], list[int]], int]


def page_of(*ids: int, cursor: int | None = None, total: int | None = None) -> Page[AccessGroup]:
    """Return a page with these ids."""
    rows = tuple(AccessGroup(id=one) for one in ids)
    return Page(rows=rows, next_from_id=cursor, total=total)


def ids_of(rows: tuple[AccessGroup, ...]) -> list[int]:
    """Return the ids of rows."""
    return [row.id for row in rows]


class Listing(NamedTuple):
    """The result of a whole iteration."""

    ids: list[int]
    requests: int
    most_remembered: int


def listing(ids: list[int], position: Position, cursor: Cursor) -> Listing:
    """Iterate over a list whose cursor is made from the ids of a page and those after it."""
    found: list[int] = []
    requests = most = 0
    while not position.over:
        left = [one for one in ids if one >= position.from_id]
        sent, later = left[: position.limit], left[position.limit :]
        page = page_of(*sent, cursor=cursor(sent, later), total=len(ids))
        position, fresh = position.after(page)
        found += ids_of(fresh)
        requests += 1
        most = max(most, len(position.recent))
    return Listing(found, requests, most)


def next_id(sent: list[int], later: list[int]) -> int:
    """Return the first id of the next page, or one beyond all ids."""
    return later[0] if later else (sent[-1] if sent else 0) + 3


def after_last(sent: list[int], _later: list[int]) -> int:
    """Return the number after the last id of this page, an id or not."""
    return (sent[-1] if sent else 0) + 1


def last_id(sent: list[int], _later: list[int]) -> int:
    """Return the last id of this page, which comes again."""
    return sent[-1] if sent else 0


@CORE
@given(
    st.sets(st.integers(1, 200), max_size=40).map(sorted),
    st.integers(1, 50),
    st.integers(1, 12),
    st.sampled_from([next_id, after_last, last_id]),
)
def test_every_row_comes_once_and_in_order_with_each_of_the_three_cursors(
    ids: list[int], first: int, limit: int, cursor: Cursor
) -> None:
    found = listing(ids, Position(from_id=first, limit=limit), cursor)
    assert found.ids == [one for one in ids if one >= first]
    assert found.most_remembered <= 1
    # With one row per page, a cursor that is the last id returns each row twice.
    assert found.requests <= len(found.ids) * (2 if limit == 1 else 1) + 2


@CORE
@given(st.lists(st.lists(st.integers(1, 30), max_size=8), max_size=8), st.integers(1, 8))
def test_no_row_comes_twice_whatever_the_server_sends(pages: list[list[int]], limit: int) -> None:
    position, found = Position(from_id=1, limit=limit), list[int]()
    for number, ids in enumerate(pages, start=2):
        position, fresh = position.after(page_of(*ids, cursor=number))
        found += ids_of(fresh)
    assert sorted(found) == sorted(set(found))
    assert len(position.recent) <= len(set(found))


def test_empty_page_is_the_end() -> None:
    position, fresh = Position(from_id=1, limit=10).after(page_of(cursor=50, total=7))
    assert (position.over, fresh) == (True, ())


@pytest.mark.parametrize("cursor", [None, 0, -1, 1, 4, 5])
def test_cursor_that_does_not_advance_is_the_end(cursor: int | None) -> None:
    position, fresh = Position(from_id=5, limit=10).after(page_of(5, 6, cursor=cursor, total=9))
    assert position.over
    assert ids_of(fresh) == [5, 6]


def test_full_page_whose_cursor_stands_still_goes_on_if_rows_are_missing() -> None:
    """As with a limit of 1 and a cursor that is the last id."""
    position, fresh = Position(from_id=5, limit=1).after(page_of(5, cursor=5, total=2))
    assert ids_of(fresh) == [5]
    assert (position.over, position.from_id) == (False, 6)
    position, _ = position.after(page_of(9, cursor=9, total=2))
    assert (position.over, position.from_id) == (False, 9)
    position, fresh = position.after(page_of(9, cursor=9, total=2))
    assert (position.over, fresh) == (True, ())


@pytest.mark.parametrize("total", [None, 0, 1])
def test_full_page_whose_cursor_stands_still_is_the_end_if_no_row_is_missing(
    total: int | None,
) -> None:
    assert Position(from_id=5, limit=1).after(page_of(5, cursor=5, total=total))[0].over


def test_rows_that_were_returned_before_are_dropped() -> None:
    """Repeated in a page, in the next page, or below the cursor."""
    position, fresh = Position(from_id=1, limit=4).after(page_of(2, 1, 2, 7, cursor=3))
    assert ids_of(fresh) == [2, 1, 7]
    position, fresh = position.after(page_of(1, 2, 7, 8, cursor=8))
    assert ids_of(fresh) == [8]
    assert (position.recent, position.returned) == (frozenset({8}), 4)


def test_first_page_may_have_rows_below_its_from_id() -> None:
    _, fresh = Position(from_id=5, limit=4).after(page_of(0, 3, cursor=9))
    assert ids_of(fresh) == [0, 3]
