"""A Sphinx extension: what the docstrings of this package need beyond autodoc and napoleon.

They have Markdown's fences, where autodoc reads reStructuredText. They name public classes without
a module. And some classes have a constructor that users never call.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

MADE_BY_THE_LIBRARY = {
    "Databases",
    "FleetLimit",
    "ObservedTask",
    "Pages",
    "Resources",
    "Segments",
    "TaskHandle",
    "Tasks",
}
"""Their constructors are private."""

INTERNAL_LINE = "used by other modules of this library"

_DEFAULTS = {"_RETRY": "Retry()", "_PATIENCE": "Patience()"}
"""What private names of default values stand for."""

_FENCE = re.compile(r"^( *)```(\w*)$")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _process_docstring, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", _process_signature)
    app.connect("autodoc-skip-member", _skip_member)
    app.connect("missing-reference", _find_in_package)
    return {"parallel_read_safe": True}


def _process_docstring(*event: Any) -> None:  # noqa: ANN401 -- as Sphinx calls it
    _app, kind, _name, documented, _options, lines = event
    is_constructor = inspect.isclass(documented) and _first(documented.__init__) == _first(lines)
    if is_constructor and "Args:" not in lines:
        lines.clear()  # such as "Start at zero."
    lines[:] = code_blocks([line for line in lines if INTERNAL_LINE not in line])
    if lines[-2:] == ["Attributes:", ""]:  # what it listed was internal
        del lines[-2:]
    if kind == "property":
        lines.insert(0, "")  # or napoleon takes what is before a colon for the type


def _first(documentation: object) -> str:
    """Return the first line of a docstring, or of that of an object."""
    if isinstance(documentation, list):
        return documentation[0] if documentation else ""
    return (inspect.getdoc(documentation) or "").partition("\n")[0]


def code_blocks(lines: list[str]) -> list[str]:
    """Return the lines with each fenced block as a ``code-block`` directive."""
    converted: list[str] = []
    inside = False
    for line in lines:
        fence = _FENCE.match(line)
        if fence:
            inside = not inside
            converted += [f"{fence[1]}.. code-block:: {fence[2]}", ""] if inside else [""]
        else:
            converted.append(f"   {line}" if inside and line else line)
    return converted


def _process_signature(*event: Any) -> tuple[str, str] | None:  # noqa: ANN401 -- as Sphinx calls it
    _app, _kind, name, _object, _options, arguments, result = event
    if name.rpartition(".")[2] in MADE_BY_THE_LIBRARY:
        return "", ""
    for private, shown in _DEFAULTS.items():
        arguments = arguments and arguments.replace(f" = {private}", f" = {shown}")
    return arguments, result


def _skip_member(*event: Any) -> bool | None:  # noqa: ANN401 -- as Sphinx calls it
    """Leave out what `collections.namedtuple` says of fields that our docstrings describe."""
    return True if str(event[3].__doc__).startswith("Alias for field number") else None


def _find_in_package(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """Find `CounterRow` as `altcraft_async.CounterRow`, whatever module mentions it."""
    if node.get("refdomain") != "py" or node["reftarget"].startswith("altcraft_async"):
        return None
    name = f"altcraft_async.{node['reftarget']}"
    page = node["refdoc"]
    return env.domains["py"].resolve_xref(env, page, app.builder, "obj", name, node, content)
