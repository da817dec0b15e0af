"""The table of the largest objects, on wide and narrow screens."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from altcraft_async import SubscriptionCounters
from altcraft_async.cli.objects_table import ObjectsTable
from altcraft_async.cli.totals import ObjectTotals

NAME = "The news of the whole week"


def objects(count: int, counter: str = "subscribed") -> dict[str, ObjectTotals]:
    """Return objects of rising size."""
    return {
        f"resource {number}": ObjectTotals(
            NAME,
            {
                channel: SubscriptionCounters(**{counter: number * 1000})
                for channel in ("email", "push")
            },
        )
        for number in range(1, count + 1)
    }


def lines(objects: dict[str, ObjectTotals], width: int = 120) -> list[str]:
    """Return the printed rows, below title and rule."""
    screen = io.StringIO()
    Console(file=screen, width=width).print(ObjectsTable(objects))
    title, _, *rows = [line.rstrip() for line in screen.getvalue().splitlines()]
    assert all(len(line) <= width for line in rows)
    return [title, *rows]


def test_largest_come_first_and_the_others_are_summed() -> None:
    title, *rows = lines(objects(13))
    assert title.split() == ["subscribed", "email", "push"]
    assert rows[0].split() == ["resource", "13", *NAME.split(), "13,000", "13,000"]
    assert [int(row.split()[1]) for row in rows[:-1]] == list(range(13, 3, -1))
    assert rows[-1].split() == ["3", "others", "6,000", "6,000"]


@pytest.mark.parametrize(
    ("width", "row"),
    [
        (43, "resource 2 The news of the…   2,000   2,000"),
        (32, "resource 2 The news… 2,000 2,000"),
        (24, "resource 2 2,000 2,000"),
        (21, "resource 2      4,000"),
    ],
)
def test_narrow_screen_cuts_names_then_channels_and_never_ids(width: int, row: str) -> None:
    assert lines(objects(2), width)[1].split() == row.split()


def test_object_without_a_channel_has_a_dash() -> None:
    both = objects(2)
    del both["resource 1"].channels["push"]
    assert lines(both)[2].split()[-2:] == ["1,000", "-"]


def test_segments_are_ranked_by_what_they_send() -> None:
    title, first, _ = lines(objects(2, "subscribed_sendable"))
    assert title.split()[0] == "sendable"
    assert first.split()[-1] == "2,000"
