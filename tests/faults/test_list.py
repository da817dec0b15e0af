"""`docs/faults.md` matches the tests, and the list is complete."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.faults.rows import BEGIN, END, LEFT_OUT, PAGE, ROOT, rendered, rows

ROWS = 87


@cache
def functions(file: str) -> frozenset[str]:
    """Return the names of the functions in a file."""
    tree = ast.parse((ROOT / file).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(one.name for one in tree.body if isinstance(one, kinds))


def test_page_matches_the_tests() -> None:
    """If this fails, run ``python -m tests.faults.rows``."""
    _, _, rest = PAGE.read_text().partition(BEGIN)
    listed, found, _ = rest.partition(END)
    assert found
    assert listed.strip() == rendered().strip()


def test_every_fault_is_listed_or_left_out_on_purpose() -> None:
    listed = {row.number for row in rows()}
    assert listed | LEFT_OUT.keys() == set(range(1, ROWS + 1))
    assert not listed & LEFT_OUT.keys()


@pytest.mark.parametrize("proof", sorted({proof for row in rows() for proof in row.proofs}))
def test_tests_named_by_the_list_exist(proof: str) -> None:
    file, _, name = proof.partition("::")
    assert Path(file).name.startswith("test_")
    assert name.startswith("test_")
    assert name in functions(file)


def test_every_row_names_a_test() -> None:
    assert all(row.proofs for row in rows())
