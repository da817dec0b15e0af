"""Programs of the system that some tests need."""

from __future__ import annotations

import os
import shutil

import pytest

__all__ = ["needed_program"]


def needed_program(name: str, title: str) -> str:
    """Return the path of a program; without it, skip the test and name the package."""
    path = shutil.which(name)
    if path is None:
        msg = f"{title} is not installed (Debian: apt-get install {name})"
        # The gate installs it, so a missing one is a failure there.
        (pytest.fail if os.environ.get("ALTCRAFT_CI") else pytest.skip)(msg)
    return path
