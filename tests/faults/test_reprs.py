"""Tools that print variables call the repr of objects that are not constructed yet."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import traceback
from collections.abc import Callable, Iterator

import pytest

import altcraft_async
from altcraft_async import Adaptive, SQLiteLedger
from altcraft_async.integrations.feedback import FeedbackReceiver


def written_classes() -> Iterator[type[object]]:
    """Yield the classes of the package that have a constructor and a repr of their own."""
    for found in pkgutil.walk_packages(altcraft_async.__path__, "altcraft_async."):
        if found.name.endswith("__main__") or ".airflow" in found.name:  # not installed here
            continue
        for one in vars(importlib.import_module(found.name)).values():
            if inspect.isclass(one) and one.__module__ == found.name and has_own_repr(one):
                yield one


def has_own_repr(cls: type[object]) -> bool:
    """Tell whether both methods are written; those of a dataclass set every field at once."""
    both_written = {"__init__", "__repr__"} <= vars(cls).keys()
    return both_written and not dataclasses.is_dataclass(cls)


CLASSES = sorted(set(written_classes()), key=lambda one: one.__qualname__)


@pytest.mark.parametrize("cls", CLASSES)
def test_object_without_fields_has_a_repr(cls: type[object]) -> None:
    assert cls.__name__ in repr(cls.__new__(cls))


def test_classes_with_a_repr_are_found() -> None:
    assert {one.__name__ for one in CLASSES} >= {
        "Adaptive",
        "AltcraftClient",
        "FeedbackReceiver",
        "Pages",
        "SQLiteLedger",
        "TaskHandle",
        "Token",
    }


@pytest.mark.parametrize(
    "construct",
    [
        lambda: SQLiteLedger(5),  # type: ignore[arg-type]
        lambda: FeedbackReceiver("example.com"),
        lambda: FeedbackReceiver("https://example.com", on_feedback=5),  # type: ignore[arg-type]
        lambda: Adaptive(ceiling=-1),
    ],
)
def test_variables_of_a_failed_constructor_can_be_printed(
    construct: Callable[[], object],
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 -- its class and text are tested elsewhere
        construct()
    for frame, _ in traceback.walk_tb(refused.value.__traceback__):
        assert repr(frame.f_locals)
