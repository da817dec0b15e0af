"""The public API as text: ``python -m tests.support.public_api`` updates `docs/public-api.txt`.

Annotations are shown as they are in the source. So the text is the same on every Python.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import ForwardRef, cast, is_typeddict

import altcraft_async
from altcraft_async.api.databases import Databases
from altcraft_async.api.resources import Resources
from altcraft_async.api.segments import Segments
from altcraft_async.api.tasks import Tasks

FILE = Path(__file__).parents[2] / "docs" / "public-api.txt"

MODULES = (
    "altcraft_async",
    "altcraft_async.client",
    "altcraft_async.errors",
    "altcraft_async.models",
    "altcraft_async.observer",
    "altcraft_async.history",
    "altcraft_async.monitor",
    "altcraft_async.monitor.fleet",
    "altcraft_async.simulator",
    "altcraft_async.integrations.aiohttp",
    "altcraft_async.integrations.airflow",
    "altcraft_async.integrations.feedback",
    "altcraft_async.integrations.opentelemetry",
    "altcraft_async.integrations.redis",
    "altcraft_async.integrations.starlette",
    "altcraft_async.integrations.taskiq",
    "pytest_altcraft",
)
"""What users may import from; `docs/stability.md` says the same."""

NAMESPACES = (Resources, Databases, Segments, Tasks)
"""Not importable from a public module, but public as attributes of a client."""

MADE_BY_THE_LIBRARY = {"ObservedTask", "Pages", "TaskHandle", *(one.__name__ for one in NAMESPACES)}
"""Users get objects of these classes and do not construct them."""

INTERNAL = {
    *("Notifier", "about", "logger", "TaskHandle.poller"),
    *("FleetMonitor.view", "HistoryMonitor.view", "LedgerMonitor.view", "Monitor.view"),
}
"""Not public, though other modules of the library import them from public modules."""

_SPECIAL = re.compile(r"__(a?enter|a?exit|await|a?iter|a?next|getitem|contains|len|call)__")
_ATTRIBUTES = re.compile(r"^Attributes:\n((?:    .*\n|\n)*)", re.MULTILINE)
_WIDTH = 100


def section(module: str) -> str:
    """Return what a module exports; an ``ImportError`` if its dependency is not installed."""
    imported = import_module(module)
    lines = [f"# {module}"]
    for name in sorted(set(imported.__all__) - INTERNAL):
        if module != "altcraft_async" and name in altcraft_async.__all__:
            lines.append(f"{name}, as in altcraft_async")
        else:
            lines += ["", *_exported(name, imported)]
    if module == "altcraft_async":
        for namespace in NAMESPACES:
            client_attribute = f"client.{namespace.__name__.lower()}"
            lines += ["", f"# {client_attribute}", *_class(namespace, imported)]
    return "\n".join(lines) + "\n"


def recorded() -> Mapping[str, str]:
    """Return the sections of the file by module."""
    parts = re.split(
        r"^(?=# altcraft_async|# pytest_altcraft)", FILE.read_text(), flags=re.MULTILINE
    )
    return {part.split("\n", 1)[0][2:]: part.rstrip() + "\n" for part in parts if part}


def _exported(name: str, module: ModuleType) -> list[str]:
    value = getattr(module, name)
    if inspect.isclass(value):
        return _class(value, module)
    return _function(name, value) if inspect.isroutine(value) else [f"{name} = {value!r}"]


def _class(cls: type, module: ModuleType) -> list[str]:
    bases = [base.__name__ for base in cls.__bases__ if base is not object]
    header = f"class {cls.__name__}({', '.join(bases)})" if bases else f"class {cls.__name__}"
    body = sorted({line for base in _shown(cls, module) for line in _members(cls, base)})
    return [header, *_constructor(cls), *(f"    {line}" for line in body)]


def _shown(cls: type, module: ModuleType) -> Iterator[type]:
    """Yield the class and those of its bases that have no entry of their own."""
    public = vars(altcraft_async) | vars(module)
    for base in cls.__mro__:
        if _is_ours(base) and (base is cls or public.get(base.__name__) is not base):
            yield base


def _is_ours(cls: type) -> bool:
    return cls.__module__.startswith(("altcraft_async", "pytest_altcraft"))


def _constructor(cls: type) -> list[str]:
    is_ours = any(
        {"__init__", "__new__"} & vars(base).keys() for base in cls.__mro__ if _is_ours(base)
    )
    has_fields = hasattr(cls, "__struct_fields__") or hasattr(cls, "_fields")
    is_protocol = getattr(cls, "_is_protocol", False)
    if cls.__name__ in MADE_BY_THE_LIBRARY or is_protocol or not (is_ours or has_fields):
        return []
    annotations = {name: of for base in cls.__mro__ for name, of in _annotations(base).items()}
    signature = inspect.signature(cls).replace(return_annotation=inspect.Signature.empty)
    if has_fields:
        parameters = [
            one.replace(annotation=annotations.get(one.name, one.annotation))
            for one in signature.parameters.values()
        ]
        signature = signature.replace(parameters=parameters)
    return [f"    {line}" for line in _signature(cls.__name__, signature)]


def _annotations(cls: type) -> Mapping[str, object]:
    return inspect.get_annotations(cls) if _is_ours(cls) else {}


def _members(cls: type, base: type) -> Iterator[str]:
    if is_typeddict(cls):
        yield from (f"{name}: {_text(of)}" for name, of in _annotations(base).items())
        return
    fields: tuple[str, ...] = getattr(cls, "__struct_fields__", getattr(cls, "_fields", ()))
    for name, value in vars(base).items():
        if name in fields or (name.startswith("_") and not _SPECIAL.fullmatch(name)):
            continue
        if f"{cls.__name__}.{name}" in INTERNAL:
            continue
        if isinstance(value, property):
            result = inspect.signature(cast("object", value.fget)).return_annotation  # type: ignore[arg-type]
            yield f"{name}: {_text(result)}  (property)"
        elif callable(value) or isinstance(value, classmethod | staticmethod):
            yield "\n    ".join(_function(name, getattr(cls, name)))
    for name in _documented(base) - set(fields):
        if f"{cls.__name__}.{name}" not in INTERNAL and not isinstance(
            vars(base).get(name), property
        ):
            yield name


def _documented(cls: type) -> set[str]:
    """Return the attributes that the docstring of the class lists."""
    found = _ATTRIBUTES.search(f"{inspect.cleandoc(cls.__doc__ or '')}\n\n")
    return set(re.findall(r"^    (\w+):", found[1], re.MULTILINE)) if found else set()


def _function(name: str, function: object) -> list[str]:
    kind = "async " if inspect.iscoroutinefunction(function) else ""
    return _signature(f"{kind}{name}", inspect.signature(function))  # type: ignore[arg-type]


def _signature(name: str, signature: inspect.Signature) -> list[str]:
    result = signature.return_annotation
    end = "" if result is inspect.Signature.empty else f" -> {_text(result)}"
    words = list(_parameters(signature))
    line = f"{name}({', '.join(words)}){end}"
    if len(line) <= _WIDTH:
        return [line]
    return [f"{name}(", *(f"    {word}," for word in words), f"){end}"]


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    """Yield the parameters as in the source."""
    keyword_only = False
    for one in signature.parameters.values():
        if one.kind is one.VAR_POSITIONAL:
            keyword_only = True
        elif one.kind is one.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            yield "*"
        stars = "*" if one.kind is one.VAR_POSITIONAL else "**" * (one.kind is one.VAR_KEYWORD)
        annotation = "" if one.annotation is one.empty else f": {_text(one.annotation)}"
        default = "" if one.default is one.empty else f" = {_default(one.default)}"
        yield f"{stars}{one.name}{annotation}{default}"


def _default(value: object) -> str:
    if isinstance(value, frozenset):
        return f"frozenset({sorted(cast('frozenset[str]', value))})"
    return str(getattr(value, "__qualname__", None) or repr(value))


def _text(annotation: object) -> str:
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    if inspect.isclass(annotation):
        return annotation.__name__
    return annotation if isinstance(annotation, str) else str(annotation)


def update() -> None:
    """Write the file; a module whose dependency is not installed keeps its section."""
    before: Mapping[str, str] = recorded() if FILE.exists() else {}
    sections: list[str] = []
    for module in MODULES:
        try:
            sections.append(section(module))
        except ImportError as error:
            print(f"{module} is left as it was: {error}")  # noqa: T201 -- a command
            sections.append(before.get(module, f"# {module}\n"))
    FILE.write_text("\n".join(sections))


if __name__ == "__main__":
    update()
