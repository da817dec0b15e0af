"""Build what a release consists of, and try it: ``nox -s release`` calls this.

``python .ci/release.py FOLDER BUILDER [VERSION …]``, where BUILDER is a Python that has build and
twine. Without versions, it tries each Python that it finds.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

from interpreters import VERSIONS, find

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

# The whole suite runs in the gate; these show that the sdist has what tests read.
SHIPPED_TESTS = (
    *(f"tests/{name}" for name in ("models", "policies", "protocol", "simulator")),
    *(f"tests/test_{name}.py" for name in ("client", "guides", "public_api", "readme", "tutorial")),
    *("tests/test_console_blocks.py", "README.md", "docs"),
)

PLUGIN_TEST = """
import asyncio
from altcraft_async import AltcraftClient


def test_fixture_is_a_platform(altcraft_simulator):
    async def refresh():
        async with AltcraftClient(altcraft_simulator.url, altcraft_simulator.token) as client:
            return await client.resources.refresh(24, database_id=1)

    assert asyncio.run(refresh())["email"].subscribed == 109117
"""


def run(*command: object, cwd: Path, status: int = 0) -> str:
    """Run a command and return what it prints; end with that if its status is another."""
    words = [str(word) for word in command]
    done = subprocess.run(
        *(words,),
        cwd=cwd,
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != status:
        sys.exit(f"{done.stdout}\n{' '.join(words)}: status {done.returncode}, not {status}")
    return done.stdout


def build(clone: Path, builder: str, dist: Path) -> list[Path]:
    """Build the sdist, and the wheel from it."""
    run(builder, "-m", "build", "--outdir", dist, clone, cwd=dist.parent)
    return sorted(dist.iterdir())


def check_contents(clone: Path, wheel: Path, sdist: Path) -> None:
    """Compare what is in both with the files of the repository."""
    tracked = set(run("git", "ls-files", cwd=clone).split())
    package = {f for f in tracked if f.startswith("altcraft_async/") or f == "pytest_altcraft.py"}
    named = {f for f in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in f}
    compare("the wheel", named, package)
    with tarfile.open(sdist) as archive:
        members = {m.name.partition("/")[2] for m in archive.getmembers() if m.isfile()}
    unshipped = (".ci/", ".github/", ".pre-commit-config.yaml", "noxfile.py")
    compare(
        "the sdist", members - {"PKG-INFO"}, {f for f in tracked if not f.startswith(unshipped)}
    )
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(f for f in archive.namelist() if f.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    if links := re.findall(r"\]\((?!https?://|#)[^)]*\)|(?:src|srcset)=", text):
        sys.exit(f"the metadata has relative links: {links}")


def check_version(clone: Path) -> None:
    """Compare the version with the newest of the changelog, which has a date."""
    version = tomllib.loads((clone / "pyproject.toml").read_text())["project"]["version"]
    newest = re.findall(r"^## (.*)$", (clone / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    if not re.fullmatch(rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d", newest):
        sys.exit(f"the changelog begins with {newest!r}, and the version is {version}")
    print(f"the changelog begins with {newest}")


def compare(what: str, found: set[str], wanted: set[str]) -> None:
    """End with the difference if there is one."""
    if found != wanted:
        sys.exit(f"{what} lacks {sorted(wanted - found)} and has {sorted(found - wanted)} besides")
    print(f"{what} has the {len(found)} files that it should")


def try_out(artifact: Path, version: str, interpreter: str, readme: str, folder: Path) -> None:
    """Install into a clean environment, first without extras, and use it."""
    folder.mkdir()
    run(interpreter, "-m", "venv", folder / "venv", cwd=folder)
    scripts = folder / "venv" / "bin"
    run(scripts / "pip", "install", "-q", artifact, cwd=folder)
    without = run(scripts / "python", "-m", "altcraft_async", cwd=folder, status=2)
    if "pip install 'altcraft-async[cli]'" not in without:
        sys.exit(f"without extras, the command printed:\n{without}")
    blocks = re.findall(r"^```(?:python|text)\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    program, printed = blocks[:2]
    (folder / "first.py").write_text(program)
    if (output := run(scripts / "python", "first.py", cwd=folder)) != printed:
        sys.exit(f"the first program of the README printed:\n{output}")
    run(scripts / "pip", "install", "-q", f"{artifact}[cli,pytest]", cwd=folder)
    if "200 of 200" not in (output := run(scripts / "altcraft", "demo", cwd=folder)):
        sys.exit(f"the demo printed:\n{output}")
    (folder / "pytest.ini").write_text("[pytest]\n")  # or the settings of this repository count
    (folder / "test_plugin.py").write_text(PLUGIN_TEST)
    run(scripts / "pytest", "-q", "test_plugin.py", cwd=folder)
    print(f"{artifact.name} works on Python {version}")


def test_sdist(sdist: Path, version: str, interpreter: str, folder: Path) -> None:
    """Unpack it, install it as contributors do, and run a fast part of its tests there."""
    folder.mkdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    run(interpreter, "-m", "venv", ".venv", cwd=tree)
    scripts = tree / ".venv" / "bin"
    run(scripts / "pip", "install", "-q", "--no-compile", "-e", ".[dev]", cwd=tree)
    passed = run(scripts / "pytest", "-q", "-n", "2", *SHIPPED_TESTS, cwd=tree).splitlines()[-1]
    print(f"tests of {sdist.name} on Python {version}: {passed}")


def main(folder: Path, builder: str, versions: list[str]) -> None:
    """Build twice from clones of what is committed, compare, and try each."""
    clone = folder / "clone"
    run("git", "clone", "-q", Path.cwd(), clone, cwd=folder)
    sdist, wheel = sorted(build(clone, builder, folder / "dist"), key=lambda path: path.suffix)
    print(run(builder, "-m", "twine", "check", "--strict", sdist, wheel, cwd=folder), end="")
    check_version(clone)
    check_contents(clone, wheel, sdist)
    again = folder / "again"
    again.mkdir()
    run("git", "clone", "-q", Path.cwd(), again / "clone", cwd=folder)
    for copy in build(again / "clone", builder, again / "dist"):
        if copy.read_bytes() != (folder / "dist" / copy.name).read_bytes():
            sys.exit(f"two builds differ: {folder / 'dist' / copy.name} and {copy}")
    print("two builds are equal")
    readme = (clone / "README.md").read_text()
    for version in versions:
        if interpreter := find(version):
            test_sdist(sdist, version, interpreter, folder / f"{version}.tests")
            for artifact in (sdist, wheel):
                try_out(
                    artifact, version, interpreter, readme, folder / f"{version}{artifact.suffix}"
                )
        else:
            print(f"Python {version} is not on this machine, so it was not tried")
    print(sdist, wheel, sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:] or list(VERSIONS))
