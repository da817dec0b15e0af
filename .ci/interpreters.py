"""The Pythons of this machine: ``python .ci/interpreters.py`` prints the versions it lacks."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

__all__ = ["VERSIONS", "find"]

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
"""What the package promises, and the newest one where a machine has it."""


def find(version: str) -> str | None:
    """Return the path of an interpreter, from the path or from pyenv; ``None`` without one."""
    candidates = [shutil.which(f"python{version}"), *_of_pyenv(version)]
    return next((path for path in candidates if path and _runs(path, version)), None)


def _of_pyenv(version: str) -> list[str]:
    """Return those that pyenv has installed but perhaps not put on the path."""
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        return []
    root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False)
    versions = Path(root.stdout.strip(), "versions").glob(f"{version}.*/bin/python")
    return sorted(map(str, versions), reverse=True)


def _runs(path: str, version: str) -> bool:
    """Try it: a shim of pyenv is on the path whether or not its version is selected."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    ran = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return ran.stdout.strip() == version


if __name__ == "__main__":
    for missing in (version for version in VERSIONS if find(version) is None):
        print(f"Python {missing} is not on this machine, so it was not tried")
