"""Values as text: safe to print, one line each."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async import AccessGroup
from altcraft_async.cli.safe_text import cell, clean, csv_line


def test_control_characters_come_out_as_escapes() -> None:
    """What would command a terminal, break a line or turn the writing direction is spelled out."""
    assert clean("\x1b[31m\r\n\u202e\x9b") == "\\x1b[31m\\r\\n\\u202e\\x9b"


def test_names_of_other_alphabets_stay_readable() -> None:
    """Only what cannot be printed is escaped."""
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
    """Lists are joined, groups are their names, rules are JSON, and what is unsaid is empty."""
    assert cell(value) == text


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_csv_of_cells_is_read_back_from_one_line(values: list[str]) -> None:
    """Whatever the server sends, a record is one line and reads back as its cells."""
    cells = [cell(value) for value in values]
    line = csv_line(cells)
    assert len(line.splitlines()) <= 1
    assert list(csv.reader([line])) in ([cells], [[]])
