"""Values as text: safe to print, one line each."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async import AccessGroup
from altcraft_async.cli.safe_text import cell, clean, csv_line, inert


def test_control_characters_line_breaks_and_direction_marks_are_escaped() -> None:
    assert clean("\x1b[31m\r\n\u202e\x9b") == "\\x1b[31m\\r\\n\\u202e\\x9b"


def test_printable_characters_of_any_alphabet_stay() -> None:
    assert clean("Рассылка €") == "Рассылка €"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (24, "24"),
        (0, "0"),
        (True, "yes"),
        (False, "no"),
        ((), ""),
        (("email", "push"), "email, push"),
        ((AccessGroup(id=1, name="Europe"), AccessGroup(id=2, name="\x1b")), "Europe, \\x1b"),
        (({"list_id": 1, "name": "Новички \u202e"},), '{"list_id": 1, "name": "Новички \\u202e"}'),
    ],
)
def test_cell_shows_a_value_for_people(value: object, text: str) -> None:
    assert cell(value) == text


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_csv_line_of_any_cells_is_one_line_and_reads_back(values: list[str]) -> None:
    cells = [cell(value) for value in values]
    line = csv_line(cells)
    assert len(line.splitlines()) <= 1
    assert list(csv.reader([line])) in ([cells], [[]])


FORMULAS = [
    '=HYPERLINK("http://x")',
    "+1+1",
    "-1+1",
    "@SUM()",
    " =1+1",
    "\uff1d1+1",
    "Shop;=1+1",
    "Shop; @SUM()",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_a_spreadsheet_would_execute_is_made_inert(text: str) -> None:
    before, _, after = text.rpartition(";") if ";" in text else ("", "", text)
    assert inert(text) == f"{before}{';' if before else ''}'{after}"


@pytest.mark.parametrize("text", ["", "842", "News - all", "a=b", "2026-01-02", "a+b", "'="])
def test_other_text_stays_as_it_is_in_a_spreadsheet(text: str) -> None:
    assert inert(text) == text
