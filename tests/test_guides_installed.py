"""What a page says to install is all that its programs and commands need.

Each set of install lines is run in a fresh virtual environment, with a wheel of this checkout in
place of the published package. There, every block of the pages finds what it imports, every command
of their console blocks is found, and the first program of a page runs to its end. Two pages have
scripts of their own, since what they install takes minutes: `.ci/airflow.sh` and `.ci/engines.sh`.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from altcraft_async.simulator import ThreadedSimulator
from tests.support.console import commands
from tests.support.guides import GUIDES, programs

pytestmark = pytest.mark.slow

ROOT = GUIDES.parents[1]
ELSEWHERE = ("airflow", "engines", "stability", "contributing")
PAGES = [
    page
    for page in [ROOT / "README.md", *GUIDES.glob("*.md"), *GUIDES.parent.glob("*.md")]
    if page.stem not in ELSEWHERE
]

FIRST_STEPS = {
    "command-line": "altcraft refresh 24 --database-id 1 --json",
    "observability": "python traced.py",
    "survive-a-crash": "python nightly.py 2026-11-25",
    "testing-your-code": "pytest -q test_mine.py",
    "tutorial": "for night in 1 2; do python nightly.py file; done && python compare.py file",
    "warehouse": "python to_parquet.py 1.parquet && python bounces.py '*.parquet'",
}
"""The first program of a page. That of the README is run by `.ci/release.py`."""

COMMANDS = ("altcraft", "pytest", "taskiq", "uvicorn")

# In place of pip, which computes for a quarter of a minute for one line.
UV = shlex.join((sys.executable, "-m", "uv"))


def install_lines(page: Path) -> tuple[str, ...]:
    """Return what a page says to install; a page that does not say it builds on the README."""
    typed = [
        command.typed for command in commands(page) if re.match("pip install (?!-e)", command.typed)
    ]
    named_in_text = re.findall(r"(?:It|The program) needs\s`(pip install .*?)`", page.read_text())
    return (*typed, *named_in_text) or ("pip install altcraft-async",)


def environments() -> dict[tuple[str, ...], list[Path]]:
    """Return the pages by what they say to install."""
    pages: defaultdict[tuple[str, ...], list[Path]] = defaultdict(list)
    for page in sorted(PAGES):
        pages[install_lines(page)].append(page)
    return pages


def imports(page: Path) -> str:
    """Return the import statements of all Python blocks of a page."""
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return "\n".join(
        ast.unparse(node)
        for block in blocks
        for node in ast.walk(compile(block, page, "exec", BLOCK_FLAGS))
        if isinstance(node, ast.Import | ast.ImportFrom)
    )


BLOCK_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def run(line: str, folder: Path, **environment: str) -> None:
    """Run a command line with the programs of a fresh environment."""
    unwanted = ("PYTHONPATH", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")
    inherited = {name: text for name, text in os.environ.items() if name not in unwanted}
    path = f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603 -- the commands of our own pages
        ("/bin/bash", "-c", line),
        cwd=folder,
        env={**inherited, "PATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"$ {line}\n{done.stdout}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as a wheel, built once."""
    folder = tmp_path_factory.mktemp("wheel")
    run(f"{UV} build -q --wheel --out-dir . {shlex.quote(str(ROOT))}", folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.parametrize(
    ("lines", "pages"),
    [
        pytest.param(*one, id=" ".join(page.stem for page in one[1]))
        for one in environments().items()
    ],
)
def test_install_lines_bring_all_that_the_pages_need(
    lines: tuple[str, ...], pages: list[Path], wheel: Path, tmp_path: Path
) -> None:
    run(shlex.join((sys.executable, "-m", "venv", "--without-pip", "venv")), tmp_path)
    wanted = " ".join(line.removeprefix("pip install") for line in lines)
    named = re.sub(r"altcraft-async(\[[\w,]+\])?", rf"{wheel}\1", wanted)
    run(f"{UV} pip install -q --python venv {named}", tmp_path)
    with ThreadedSimulator(resources=30, databases=2, duration=0.05) as server:
        account = {"ALTCRAFT_URL": server.url, "ALTCRAFT_TOKEN": server.token}
        for page in pages:
            for word in {command.typed.partition(" ")[0] for command in commands(page)}:
                assert word not in COMMANDS or (tmp_path / "venv" / "bin" / word).exists(), page
            for name, text in programs(page.stem).items() if page.parent != ROOT else ():
                (tmp_path / name).write_text(text)
            (tmp_path / "imports.py").write_text(imports(page))
            run("python imports.py", tmp_path)
            if page.stem in FIRST_STEPS:
                run(FIRST_STEPS[page.stem], tmp_path, **account)
