"""The pytest plugin, as those see it who test their own code: real runs of pytest in it."""

from __future__ import annotations

from typing import Protocol

import pytest

ASYNCIO = ["-p", "asyncio", "-o", "asyncio_default_fixture_loop_scope=function"]
ANYIO = ["-p", "anyio"]

# Each way to run coroutines: command line, and what stands at the top of a test file.
RUNNERS = {
    "asyncio-auto": ([*ASYNCIO, "-o", "asyncio_mode=auto"], ""),
    "asyncio-strict": (ASYNCIO, "pytestmark = pytest.mark.asyncio"),
    "asyncio-one-loop": (ASYNCIO, "pytestmark = pytest.mark.asyncio(loop_scope='session')"),
    "anyio": (
        ANYIO,
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

async def test_next_has_a_platform_and_a_client_of_its_own(altcraft_client, altcraft_simulator):
    assert not altcraft_simulator.requests
    await altcraft_client.resources.refresh(24, database_id=1)

@pytest.mark.altcraft(duration=86400)
async def test_day(altcraft_client, altcraft_clock):
    await altcraft_client.resources.refresh(24, database_id=1)
    assert altcraft_clock.time() > 86400

async def test_client_is_left_watching(altcraft_client):
    handle = await altcraft_client.resources.refresh_counters(24, database_id=1)
    handle.add_done_callback(print)
"""


class RunTests(Protocol):
    """Runs pytest on a test file."""

    def __call__(self, source: str, *options: str) -> pytest.RunResult:
        """Return how it went."""
        ...


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> RunTests:
    """Runs pytest in a process of its own, with our plugin alone, where a warning is an error."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def ran(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(source)
        return pytester.runpytest_subprocess("-W", "error", "-p", "altcraft", *options)

    return ran


@pytest.mark.parametrize("runner", RUNNERS)
def test_fixtures_work_with_whoever_runs_the_coroutines(run: RunTests, runner: str) -> None:
    """Nothing is left open in any of them, which would be a warning and so an error."""
    options, top = RUNNERS[runner]
    run(USE.format(top=top), *options).assert_outcomes(passed=4)


def test_client_outlives_the_fixtures_that_use_it(run: RunTests) -> None:
    """A service of the user's can still ask the platform when it is taken down."""
    source = """
        import pytest

        @pytest.fixture
        async def service(altcraft_client):
            yield altcraft_client
            await altcraft_client.resources.refresh(24, database_id=1)

        async def test_service(service): ...
    """
    run(source, *ASYNCIO, "-o", "asyncio_mode=auto").assert_outcomes(passed=1)


def test_sync_tests_need_no_plugin_for_coroutines(run: RunTests) -> None:
    """They run an event loop themselves; the client is closed with it."""
    source = """
        import asyncio
        from altcraft_async import AltcraftClient

        def test_loop_of_its_own(altcraft_client, altcraft_simulator):
            asyncio.run(altcraft_client.resources.refresh(24, database_id=1))

        def test_client_that_is_not_used(altcraft_client): ...
    """
    run(source).assert_outcomes(passed=2)


def test_client_whose_loop_runs_on_in_a_thread_is_closed_there(run: RunTests) -> None:
    """As that of a web app does, whose test client runs it for all tests of a module."""
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


def test_client_that_is_let_go_within_its_loop_is_closed_with_that(run: RunTests) -> None:
    """From inside, the loop cannot be waited for; and what comes behind goes on."""
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


def test_mark_closest_to_the_test_wins(run: RunTests) -> None:
    """Option by option, for the simulator and for the client."""
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
    [("resource=3", "*unexpected keyword argument 'resource'*"), ("3", "*takes names only*")],
)
def test_mark_that_cannot_be_meant_is_refused(run: RunTests, mark: str, words: str) -> None:
    """The test does not run, and the text shows what is wrong."""
    source = f"""
        import pytest

        @pytest.mark.altcraft({mark})
        def test_options(altcraft_simulator): ...
    """
    result = run(source)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([words])


def test_time_is_real_unless_the_clock_is_asked_for(run: RunTests) -> None:
    """So that clients of an app which know no clock see tasks end; a tenth of a second is short."""
    source = """
        import asyncio, time

        def test_real(altcraft_client):
            began = time.monotonic()
            asyncio.run(altcraft_client.resources.refresh(24, database_id=1))
            assert time.monotonic() - began >= 0.1
    """
    run(source).assert_outcomes(passed=1)


def test_start_of_pytest_does_not_import_the_package(pytester: pytest.Pytester) -> None:
    """Who does not use the fixtures does not pay for them, and the plugin is there all the same."""
    pytester.makeconftest("""
        import sys

        def pytest_sessionfinish(session):
            print("loaded:", sorted({"aiohttp", "altcraft_async", "msgspec"} & set(sys.modules)))
            print("there:", session.config.pluginmanager.has_plugin("altcraft"))
    """)
    pytester.makepyfile("def test_nothing(): ...")
    result = pytester.runpytest_subprocess("-s")
    result.stdout.fnmatch_lines(["*loaded: []", "there: True"])
