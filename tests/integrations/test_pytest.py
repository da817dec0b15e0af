"""The pytest plugin, in real runs of pytest."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Protocol

import anyio.pytest_plugin
import pytest
import pytest_asyncio.plugin

import pytest_altcraft

SCOPE = ["-o", "asyncio_default_fixture_loop_scope=function"]
AUTO = [*SCOPE, "-o", "asyncio_mode=auto"]

# Each way to run coroutines: its plugin, command line options, and the first line of a test file.
RUNNERS: Mapping[str, tuple[object, list[str], str]] = {
    "asyncio-auto": (pytest_asyncio.plugin, AUTO, ""),
    "asyncio-strict": (pytest_asyncio.plugin, SCOPE, "pytestmark = pytest.mark.asyncio"),
    "asyncio-one-loop": (
        pytest_asyncio.plugin,
        SCOPE,
        "pytestmark = pytest.mark.asyncio(loop_scope='session')",
    ),
    "anyio": (
        anyio.pytest_plugin,
        [],
        "pytestmark = [pytest.mark.anyio, pytest.mark.parametrize('anyio_backend', ['asyncio'])]",
    ),
}

USE = """
import pytest
{top}

async def test_refresh(altcraft_client, altcraft_simulator):
    report = await altcraft_client.resources.refresh(24, database_id=1)
    assert report["email"].subscribed
    assert altcraft_simulator.starts["resource", (24, 1)] == 1

async def test_next_test_has_a_new_platform_and_client(altcraft_client, altcraft_simulator):
    assert not altcraft_simulator.requests
    await altcraft_client.resources.refresh(24, database_id=1)

@pytest.mark.altcraft(duration=3600)
async def test_hour(altcraft_client, altcraft_clock):
    await altcraft_client.resources.refresh(24, database_id=1)
    assert altcraft_clock.time() > 3600

async def test_client_with_a_waiter_is_closed(altcraft_client):
    handle = await altcraft_client.resources.refresh_counters(24, database_id=1)
    handle.add_done_callback(print)
"""


class RunTests(Protocol):
    """Runs pytest on a test file."""

    def __call__(self, source: str, *options: str, runner: object = None) -> pytest.RunResult:
        """Return the result."""
        ...


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> RunTests:
    """Runs pytest with only this plugin, a runner of coroutines, and warnings as errors."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def ran(source: str, *options: str, runner: object = None) -> pytest.RunResult:
        pytester.makeini("[pytest]")  # temporary files may be in a folder with options of its own
        pytester.makepyfile(source)
        plugins = [pytest_altcraft, *([runner] if runner else [])]
        return pytester.runpytest_inprocess("-W", "error", *options, plugins=plugins)

    return ran


@pytest.mark.parametrize("runner", RUNNERS)
def test_fixtures_work_with_each_runner_of_coroutines(run: RunTests, runner: str) -> None:
    plugin, options, top = RUNNERS[runner]
    run(USE.format(top=top), *options, runner=plugin).assert_outcomes(passed=4)


def test_client_is_usable_in_the_teardown_of_other_fixtures(run: RunTests) -> None:
    source = """
        import pytest

        @pytest.fixture
        async def service(altcraft_client):
            yield altcraft_client
            await altcraft_client.resources.refresh(24, database_id=1)

        async def test_service(service): ...
    """
    run(source, *AUTO, runner=pytest_asyncio.plugin).assert_outcomes(passed=1)


def test_sync_tests_need_no_other_plugin(run: RunTests) -> None:
    source = """
        import asyncio
        from altcraft_async import AltcraftClient

        def test_own_loop(altcraft_client, altcraft_simulator):
            asyncio.run(altcraft_client.resources.refresh(24, database_id=1))

        def test_unused_client(altcraft_client): ...
    """
    run(source).assert_outcomes(passed=2)


def test_client_is_closed_in_a_loop_of_another_thread(run: RunTests) -> None:
    source = """
        import asyncio, threading, pytest

        @pytest.fixture(scope="module")
        def loop():
            with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
                loop = runner.get_loop()
                thread = threading.Thread(target=loop.run_forever)
                thread.start()
                yield loop
                loop.call_soon_threadsafe(loop.stop)
                thread.join()

        clients = []

        @pytest.mark.parametrize("once_more", [False, True])
        def test_app(loop, altcraft_client, once_more):
            refresh = altcraft_client.resources.refresh(24, database_id=1)
            asyncio.run_coroutine_threadsafe(refresh, loop).result()
            assert all("closed" in repr(client) for client in clients)
            clients.append(altcraft_client)
    """
    run(source).assert_outcomes(passed=2)


def test_client_of_a_block_inside_a_loop_is_closed_with_the_loop(run: RunTests) -> None:
    source = """
        import asyncio
        from altcraft_async.integrations.pytest import client_of

        def test_within(altcraft_simulator):
            async def refresh():
                with client_of(altcraft_simulator) as client:
                    await client.resources.refresh(24, database_id=1)
                return client

            assert "closed" in repr(asyncio.run(refresh()))
    """
    run(source).assert_outcomes(passed=1)


def test_closest_mark_wins_option_by_option(run: RunTests) -> None:
    source = """
        import pytest
        pytestmark = pytest.mark.altcraft(resources=[1], databases=[2], client={"format": "xml"})

        @pytest.mark.altcraft(resources=[3], client={"connections": 1})
        def test_options(altcraft_client, altcraft_simulator):
            assert "xml" in repr(altcraft_client)
            assert list(altcraft_simulator.world.resources) == [3]
            assert list(altcraft_simulator.world.databases) == [2]
    """
    run(source).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("resource=3", "*unexpected keyword argument 'resource'*"),
        ("3", "*takes keyword arguments*"),
    ],
)
def test_wrong_mark_is_an_error(run: RunTests, mark: str, words: str) -> None:
    source = f"""
        import pytest

        @pytest.mark.altcraft({mark})
        def test_options(altcraft_simulator): ...
    """
    result = run(source)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([words])


def test_time_is_real_without_the_clock(run: RunTests) -> None:
    source = """
        import asyncio, time

        def test_real(altcraft_client):
            began = time.monotonic()
            asyncio.run(altcraft_client.resources.refresh(24, database_id=1))
            assert time.monotonic() - began >= 0.1
    """
    run(source).assert_outcomes(passed=1)


def test_plugin_does_not_import_the_package(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
        import sys

        def pytest_sessionfinish(session):
            print("imported:", sorted({"aiohttp", "altcraft_async", "msgspec"} & set(sys.modules)))
            print("plugin:", session.config.pluginmanager.has_plugin("altcraft"))
    """)
    pytester.makeini("[pytest]")
    pytester.makepyfile("def test_nothing(): ...")
    # Other plugins of this environment are not loaded, as that takes a second.
    others = {one.name for one in entry_points(group="pytest11")} - {"altcraft"}
    blocked = [word for name in sorted(others) for word in ("-p", f"no:{name}")]
    result = pytester.runpytest_subprocess("-s", *blocked)
    result.stdout.fnmatch_lines(["*imported: []", "plugin: True"])
