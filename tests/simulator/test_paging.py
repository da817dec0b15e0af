"""Pages and cursors, as pure decisions."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async.simulator.lists import Cursor, Page, cut_page

IDS = st.lists(st.integers(1, 60), unique=True).map(sorted)


def paged(
    everything: Sequence[int], chosen: Sequence[int], limit: int, cursor: Cursor
) -> list[Page]:
    """Go on until a page is empty or its cursor does not advance, as callers have to."""
    pages: list[Page] = []
    from_id = 1
    while True:
        page = cut_page(everything, chosen, from_id=from_id, limit=limit, cursor=cursor)
        pages.append(page)
        if not page.ids or page.next_from_id <= from_id:
            return pages
        from_id = page.next_from_id


@given(st.data(), IDS, st.integers(2, 10), st.sampled_from(["next_id", "next_row", "last_row"]))
def test_pages_show_each_row_whatever_the_cursor_means(
    data: st.DataObject, everything: list[int], limit: int, cursor: Cursor
) -> None:
    """Whoever drops rows seen before has each chosen row once, and the total is theirs."""
    chosen = sorted(data.draw(st.sets(st.sampled_from(everything)))) if everything else []
    pages = paged(everything, chosen, limit, cursor)
    assert list(dict.fromkeys(row for page in pages for row in page.ids)) == chosen
    assert all(len(page.ids) <= limit for page in pages)
    assert {page.total_count for page in pages} == {len(chosen)}


@given(IDS, st.integers(1, 10), st.sampled_from(["next_id", "next_row"]))
def test_cursors_behind_the_page_repeat_no_row_and_end_on_an_empty_page(
    everything: list[int], limit: int, cursor: Cursor
) -> None:
    """Two of the three meanings never go back, not even with pages of one row."""
    *full, last = paged(everything, everything, limit, cursor)
    assert not last.ids
    assert [row for page in full for row in page.ids] == everything


def test_a_cursor_at_the_last_row_repeats_it_and_stays_there() -> None:
    """The page that begins with the last row says to go on where it began."""
    pages = paged([1, 2, 3], [1, 2, 3], 2, "last_row")
    assert [(page.ids, page.next_from_id) for page in pages] == [([1, 2], 2), ([2, 3], 3), ([3], 3)]


def test_a_page_of_one_row_whose_cursor_is_that_row_leads_nowhere() -> None:
    """Where the vendor's segments work as their sample, a limit of 1 shows the first row only."""
    assert cut_page([1, 2], [1, 2], from_id=1, limit=1, cursor="last_row").next_from_id == 1


@pytest.mark.parametrize(
    ("cursor", "next_from_id"), [("next_id", 4), ("next_row", 6), ("last_row", 2)]
)
def test_the_three_meanings_differ_where_ids_are_missing(cursor: Cursor, next_from_id: int) -> None:
    """The next object, the next row and the last row are three ids."""
    page = cut_page([1, 2, 4, 6], [1, 2, 6], from_id=1, limit=2, cursor=cursor)
    assert page == Page([1, 2], next_from_id, 3)


@pytest.mark.parametrize("cursor", ["next_id", "next_row", "last_row"])
def test_an_empty_page_points_at_itself(cursor: Cursor) -> None:
    """There is nothing to go on to."""
    assert cut_page([1], [1], from_id=7, limit=2, cursor=cursor) == Page([], 7, 1)
