"""A line of a counter over time."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from rich.console import Console

from altcraft_async.cli.line_chart import LineChart
from tests.support.counts import NIGHT


def drawn(*values: int, encoding: str = "utf-8", width: int = 40) -> list[str]:
    """Return the lines of a chart with a value per night."""
    points = [(NIGHT + timedelta(days=day), value) for day, value in enumerate(values)]
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=out, width=width, legacy_windows=False)
    console.print(LineChart(points))
    out.seek(0)
    return out.read().splitlines()


def test_line_goes_from_the_lowest_to_the_highest_value() -> None:
    *rows, days = drawn(0, 1000, encoding="ascii", width=22)
    assert [row.index("*") for row in rows] == [20, 18, 16, 14, 12, 10, 8, 6]
    assert [row[:6].strip() for row in rows] == ["1,000", *[""] * 6, "0"]
    assert days.strip() == "2030-01-31"


def test_jump_has_no_gap() -> None:
    rows = drawn(0, 0, 9, 9, encoding="ascii")[:-1]
    assert all("*" in row for row in rows)


def test_braille_dots_rise_with_the_values() -> None:
    rows = drawn(1, 2, 3)[:-1]
    assert rows[0].startswith("3 ")
    assert rows[0][-1] not in "\u2800 "
    assert rows[-1].startswith("1 ⣀")


def test_first_and_last_day_are_below_the_line() -> None:
    assert drawn(1, 2)[-1].split() == ["2030-01-31", "2030-02-01"]
    assert drawn(1)[-1].split() == ["2030-01-31"]


@pytest.mark.parametrize("values", [(5,), (5, 5, 5)])
def test_values_without_a_change_are_a_level_line(values: tuple[int, ...]) -> None:
    rows = drawn(*values, encoding="ascii")[:-1]
    assert [row.count("*") > 0 for row in rows] == [False] * 7 + [True]


def test_chart_fits_a_narrow_screen() -> None:
    assert all(len(line) <= 30 for line in drawn(100_000, 120_000, width=30))
