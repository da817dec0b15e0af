"""Makes tests of the examples in README, docs and docstrings, and distributes tests to processes.

A ```` ```python ```` block runs with top-level ``await``; ``server`` is a
simulator and ``client`` a client of it. A ```` ```text ```` block right after
it is the expected output. The examples of one document share their names, so
they run in one process and in order. A block that is a whole program, with its
file name in the first line, is skipped here: a test of its own runs it, see
`tests/support/guides.py`.

pytest reads these hooks only from a file at the root of the repository.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import gc
import inspect
import io
import os
import types
import zlib
from collections import Counter, defaultdict
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import looptime
import pytest
from random_order.config import Config as RandomOrder
from sybil import Example, Sybil
from sybil.document import PythonDocStringDocument
from sybil.integration.pytest import SybilItem
from sybil.parsers.markdown import CodeBlockParser
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from altcraft_async import AltcraftClient
from altcraft_async.simulator import Simulator
from tests.support.guides import file_name
from tests.support.loop_time import NOOP_CYCLES

Namespace = dict[str, Any]

PACKAGE = Path(__file__).with_name("altcraft_async")
TESTS = Path(__file__).with_name("tests")

# For the tests of our own pytest plugin; pytest takes this at the top only.
pytest_plugins = ["pytester"]


def _run(example: Example) -> str | None:
    if file_name(str(example.parsed)):
        return None
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    line = example.line + example.parsed.line_offset
    source = "\n" * line + example.parsed
    code = compile(source, example.path, "exec", flags, dont_inherit=True)
    namespace: Namespace = example.namespace
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        coroutine = types.FunctionType(code, namespace)()
        if inspect.iscoroutine(coroutine):
            runner: asyncio.Runner = namespace["_runner"]
            with _jumping(runner.get_loop()):
                runner.run(coroutine)
    namespace["_printed"] = printed.getvalue()
    return None


def _compare(example: Example) -> str | None:
    printed: str = example.namespace.pop("_printed", "")
    wanted = str(example.parsed)
    return None if printed.strip() == wanted.strip() else f"printed:\n{printed}\nnot:\n{wanted}"


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return a loop for top-level ``await``, whose time can jump if it is asyncio's own."""
    loop = asyncio.new_event_loop()
    if isinstance(loop, asyncio.SelectorEventLoop):
        looptime.patch_event_loop(loop, noop_cycles=NOOP_CYCLES, _enabled=False)
    return loop


def _jumping(loop: asyncio.AbstractEventLoop) -> AbstractContextManager[object]:
    """Let time jump, but not while the loop waits for its threads to end, as it does at last."""
    can_jump = isinstance(loop, looptime.LoopTimeEventLoop)
    return loop.looptime_enabled() if can_jump else contextlib.nullcontext()


def _open(namespace: Namespace) -> None:
    namespace["_runner"] = runner = asyncio.Runner(loop_factory=_new_loop)
    namespace["_environment"] = environment = pytest.MonkeyPatch()
    # People watch tasks of three seconds; a test does not need to.
    environment.setitem(Simulator.__init__.__kwdefaults__, "duration", 0.3)
    namespace["server"] = server = Simulator()
    runner.run(server.start())
    environment.setenv("ALTCRAFT_URL", server.url)
    environment.setenv("ALTCRAFT_TOKEN", server.token)
    namespace["client"] = client = AltcraftClient(server.url, server.token)
    # A page may make its own of these names.
    namespace["_opened"] = (server, client)


def _close(namespace: Namespace) -> None:
    runner: asyncio.Runner = namespace["_runner"]
    namespace["_environment"].undo()
    server, client = namespace["_opened"]
    with runner:
        for one in {client, namespace["client"]}:
            runner.run(one.aclose())
        for one in {server, namespace["server"]}:
            runner.run(one.stop())


_collect = Sybil(
    parsers=[CodeBlockParser("python", _run), CodeBlockParser("text", _compare)],
    patterns=["*.md", "*.py"],
    document_types={".py": PythonDocStringDocument},
    setup=_open,
    teardown=_close,
).pytest()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a page, or a file of the package, that has examples."""
    is_document = file_path.suffix == ".md" or file_path.is_relative_to(PACKAGE)
    # Sybil takes 5 ms to parse a file, and each process collects all of them.
    if is_document and b"```python" in file_path.read_bytes():
        return _collect(file_path, parent)
    return None


class _Rotated(pytest.Dir):
    """A folder whose entries each process collects from another one on."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        """Return the entries; the tests are sorted later."""
        entries = list(super().collect())
        worker = self.config.workerinput  # type: ignore[attr-defined]  # of xdist
        first = len(entries) * int(worker["workerid"][2:]) // worker["workercount"]
        return entries[first:] + entries[:first]


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Let processes compile different tests of a new checkout, and load what the others wrote."""
    config = parent.config
    if path == TESTS and hasattr(config, "workerinput") and not RandomOrder(config).is_enabled:
        return _Rotated.from_parent(parent, path=path)
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mix tests that wait with those that calculate; keep the examples of a document in order."""
    if hasattr(config, "workerinput") and not RandomOrder(config).is_enabled:
        # Without this, all processes would run the tests of one folder at the same time, and wait.
        items.sort(key=lambda item: (zlib.crc32(item.nodeid.encode()), item.nodeid))
    documents: defaultdict[Path, list[SybilItem]] = defaultdict(list)
    for item in items:
        if isinstance(item, SybilItem):
            documents[item.path].append(item)
    for examples in documents.values():
        examples.sort(key=lambda item: item.example.start)
    items[:] = [
        one
        for item in items
        for one in (documents.pop(item.path, []) if isinstance(item, SybilItem) else [item])
    ]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of processes: none for single tests, else two more than there are cores.

    Many tests wait for time to pass, and a process more costs the time to collect the tests.
    """
    return 0 if any("::" in argument for argument in config.args) else (os.cpu_count() or 1) + 2


class _TestByTest(LoadScopeScheduling):
    """Gives each process the next test when it is free, or the next document as a whole."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        return nodeid if path.startswith("tests/") else path


def pytest_xdist_make_scheduler(
    config: pytest.Config, log: Producer | None
) -> LoadScopeScheduling | None:
    """Distribute tests; ``None`` leaves that to the option ``--dist``."""
    return _TestByTest(config, log) if config.getoption("dist") == "loadscope" else None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the gate if a test was skipped, as it installs all that tests need."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("ALTCRAFT_CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line each why tests were skipped."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, tests in reasons.items():
        terminalreporter.write_line(f"{tests} skipped: {reason}")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives as long as the run: pytest's items and all modules."""
    gc.collect()
    gc.freeze()
