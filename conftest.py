"""The examples of README, docs and docstrings are tests; pytest wants this file at the top.

A ```` ```python ```` block is run, with ``await`` allowed as in ``python -m
asyncio``, where ``server`` is a simulator and ``client`` a client of it. A
```` ```text ```` block right after one is what it printed. A block that is a
whole program, and says so with its file name in the first line, is not run
here but by a test of its own, see `tests/support/guides.py`.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import os
import types
from typing import Any

from sybil import Example, Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.markdown import CodeBlockParser

from altcraft_async import AltcraftClient
from altcraft_async.simulator import Simulator
from tests.support.guides import file_name

Namespace = dict[str, Any]

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
            namespace["_runner"].run(coroutine)
    namespace["_printed"] = printed.getvalue()
    return None


def _compare(example: Example) -> str | None:
    printed: str = example.namespace.pop("_printed", "")
    wanted = str(example.parsed)
    return None if printed.strip() == wanted.strip() else f"printed:\n{printed}\nnot:\n{wanted}"


def _open(namespace: Namespace) -> None:
    namespace["_runner"] = runner = asyncio.Runner()
    namespace["server"] = server = Simulator(duration=0.3)
    runner.run(server.start())
    os.environ["ALTCRAFT_URL"], os.environ["ALTCRAFT_TOKEN"] = server.url, server.token
    namespace["client"] = AltcraftClient(server.url, server.token)


def _close(namespace: Namespace) -> None:
    runner: asyncio.Runner = namespace["_runner"]
    with runner:
        runner.run(namespace["client"].aclose())
        runner.run(namespace["server"].stop())


pytest_collect_file = Sybil(
    parsers=[CodeBlockParser("python", _run), CodeBlockParser("text", _compare)],
    patterns=[
        "README.md",
        "docs/*.md",
        "docs/guides/*.md",
        "altcraft_async/**/*.py",
    ],
    document_types={".py": PythonDocStringDocument},
    setup=_open,
    teardown=_close,
).pytest()
