"""No program in a guide that nobody runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.guides import GUIDES, file_name, programs

PAGES = sorted([*GUIDES.glob("*.md"), *GUIDES.parent.glob("*.md")])
REFERENCE = sorted(GUIDES.parent.glob("reference/*.md"))
PROGRAMS = [(page.stem, name) for page in PAGES for name in programs(page.stem)]


@pytest.mark.parametrize(("guide", "name"), PROGRAMS)
def test_every_program_of_a_guide_is_run_by_a_test(guide: str, name: str) -> None:
    """Each is asked for by a test, which runs it."""
    tests = Path(__file__).parent.rglob("test_*.py")
    wanted = f'example("{guide}", "{name}")'
    assert any(wanted in test.read_text() for test in tests), f"no test has {wanted}"


def test_every_page_is_in_the_contents_of_the_site() -> None:
    """Sphinx would warn, and then `nox -s docs` fails."""
    contents = (GUIDES.parent / "index.md").read_text()
    pages = {str(page.relative_to(GUIDES.parent).with_suffix("")) for page in [*PAGES, *REFERENCE]}
    assert pages - {"index"} == set(re.findall(r"^[\w/-]+$", contents, re.MULTILINE))


def test_block_with_a_file_name_is_a_program() -> None:
    """The first line says so, and nothing else does."""
    assert file_name("# app.py\nprint()\n") == "app.py"
    assert file_name("# Apply.\nprint()\n") is None
    assert file_name("print()\n# app.py\n") is None
