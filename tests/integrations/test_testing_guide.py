"""The test files in the guide on testing your code."""

from __future__ import annotations

import pytest

from tests.support.guides import example


def test_test_files_of_the_guide_pass(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_mine=example("testing-your-code", "test_mine.py"),
        test_program=example("testing-your-code", "test_program.py"),
    )
    scope = "asyncio_default_fixture_loop_scope=function"
    pytester.runpytest_subprocess("-W", "error", "-o", scope).assert_outcomes(passed=9)
