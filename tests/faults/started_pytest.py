"""Loads pytest, its plugins and what tests import; `mutant.py` forks its processes after that."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

TESTS = Path(__file__).with_name("test_exchange.py")
"""Any tests that need a client and a server."""

with contextlib.redirect_stdout(io.StringIO()):
    ended = pytest.main(["--collect-only", "-n", "0", "-p", "no:cacheprovider", str(TESTS)])
assert ended == pytest.ExitCode.OK
