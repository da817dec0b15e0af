"""Errors as plain data."""

from __future__ import annotations

import pytest

from altcraft_async import (
    AltcraftError,
    ConfigurationError,
    NotFoundError,
    TaskFailedError,
    TaskRef,
    TransportError,
    WaitTimeoutError,
)
from altcraft_async.integrations.airflow.events import dump_error, load_error


@pytest.mark.parametrize(
    "error",
    [
        TaskFailedError("failed", ref=TaskRef(task_id="7f9c")),
        WaitTimeoutError("not in time", ref=TaskRef(task_id="7f9c")),
        NotFoundError("no such", code=404, path="tasks/status"),
        TransportError("reset", path="tasks/status", maybe_delivered=True),
        ConfigurationError("token: wrong"),
    ],
)
def test_error_is_rebuilt_with_class_text_and_attributes(error: AltcraftError) -> None:
    rebuilt = load_error(dump_error(TaskRef(task_id="7f9c"), error))
    assert type(rebuilt) is type(error)
    assert str(rebuilt) == str(error)
    assert vars(rebuilt) == vars(error)


def test_unknown_error_class_becomes_the_root_class() -> None:
    """A triggerer may be newer than a worker."""
    data = dump_error(TaskRef(task_id="7f9c"), AltcraftError("odd"))
    rebuilt = load_error({**data, "error": "NewerError"})
    assert type(rebuilt) is AltcraftError
    assert "odd" in str(rebuilt)
