"""`docs/faults.md` is the list of the tests, and the list is complete."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.faults.rows import BEGIN, END, LATER, PAGE, ROOT, rendered, rows

ROWS = 82


@cache
def functions(file: str) -> frozenset[str]:
    """Return the names of the functions of a file."""
    tree = ast.parse((ROOT / file).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(one.name for one in tree.body if isinstance(one, kinds))


def test_page_is_what_the_tests_say() -> None:
    """What users read is made of what the tests assert; `python -m tests.faults.rows` writes it."""
    _, _, rest = PAGE.read_text().partition(BEGIN)
    listed, found, _ = rest.partition(END)
    assert found
    assert listed.strip() == rendered().strip()


def test_every_fault_is_in_the_list_or_said_to_be_for_later() -> None:
    """None of the faults is left out silently."""
    listed = {row.number for row in rows()}
    assert listed | LATER.keys() == set(range(1, ROWS + 1))
    assert not listed & LATER.keys()


@pytest.mark.parametrize("proof", sorted({proof for row in rows() for proof in row.proofs}))
def test_what_the_list_says_is_shown_by_a_test(proof: str) -> None:
    """Every row names its tests, and there they are."""
    file, _, name = proof.partition("::")
    assert Path(file).name.startswith("test_")
    assert name.startswith("test_")
    assert name in functions(file)


def test_every_row_names_a_test() -> None:
    """Nothing is in the list that nobody shows."""
    assert all(row.proofs for row in rows())
