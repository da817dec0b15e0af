"""The test files in the guide on testing your code."""

from __future__ import annotations

import pytest
import pytest_asyncio.plugin

import pytest_altcraft
from tests.support.guides import example


def test_test_files_of_the_guide_pass(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini("[pytest]")
    pytester.makepyfile(
        test_mine=example("testing-your-code", "test_mine.py"),
        test_program=example("testing-your-code", "test_program.py"),
    )
    scope = "asyncio_default_fixture_loop_scope=function"
    plugins = [pytest_altcraft, pytest_asyncio.plugin]
    ran = pytester.runpytest_inprocess("-W", "error", "-o", scope, plugins=plugins)
    ran.assert_outcomes(passed=9)
