"""What is said to `logging`: by one logger, with fields that say of which task."""

from __future__ import annotations

import logging

from altcraft_async.models import TaskRef

__all__ = ["about", "logger"]

logger = logging.getLogger("altcraft_async")
# As a library, say nothing unless the program asks for it.
logger.addHandler(logging.NullHandler())


def about(ref: TaskRef) -> dict[str, object]:
    """Return the fields of a log record on a task, for ``extra``."""
    return {
        "altcraft_task_id": ref.task_id,
        "altcraft_kind": ref.kind,
        "altcraft_target": ref.target,
    }
