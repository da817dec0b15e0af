"""What all tests of the core share: the samples, and how hard hypothesis polls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

SAMPLES = Path(__file__).parents[1] / "samples"

# Derandomized, so that a run that passed passes again, and modest, so that the folder stays fast.
# Each test asks for it by name: a profile that is loaded would be that of all other tests too.
settings.register_profile("core", max_examples=30, deadline=None, derandomize=True)


@pytest.fixture(scope="session")
def sample() -> Callable[[str], bytes]:
    """Return a reader of sample files by name."""
    return lambda name: (SAMPLES / name).read_bytes()
