"""Each Python block of the README is a file: it runs as pasted, without what stands before it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"

BLOCKS: list[tuple[str, str]] = re.findall(
    r"^```python\n(.*?)^```\n(?:\n^```text\n(.*?)^```)?",
    README.read_text(),
    re.MULTILINE | re.DOTALL,
)


def test_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 200


@pytest.mark.parametrize("block", [block for block, _ in BLOCKS])
def test_block_is_a_file(block: str) -> None:
    compile(block, "pasted.py", "exec")


@pytest.mark.slow
@pytest.mark.parametrize(("block", "printed"), BLOCKS)
def test_block_runs_in_a_fresh_python(block: str, printed: str, tmp_path: Path) -> None:
    path = tmp_path / "pasted.py"
    path.write_text(block)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)  # noqa: S603 -- our own README
    assert (done.returncode, done.stderr) == (0, "")
    if printed:
        assert done.stdout == printed
