"""A ref as one word for a shell or a URL: the id of the task and its target."""

from __future__ import annotations

import re
from typing import cast

from altcraft_async.models import TaskKind, TaskRef

__all__ = ["read_task", "task_word"]

# The platform's answer does not name the resource, so the word does.
_WORD = re.compile(
    r".+@((resource|database)(:[1-9]\d{0,17}){2}|segment(:[1-9]\d{0,17}){2,3})",
    re.ASCII | re.DOTALL,
)


def task_word(ref: TaskRef) -> str:
    """Return ``7f9c…@resource:24:1``, or the bare id of a task whose target is unknown."""
    if ref.kind == "unknown" or not ref.target:
        return ref.task_id
    return f"{ref.task_id}@{':'.join((ref.kind, *map(str, ref.target)))}"


def read_task(word: str) -> TaskRef:
    """Read what `task_word` wrote, a bare id, or the JSON of a `TaskRef`.

    Raises:
        ConfigurationError: It begins like JSON and is no `TaskRef`.
    """
    if word.lstrip().startswith("{"):
        return TaskRef.from_json(word)
    if not _WORD.fullmatch(word):
        return TaskRef(task_id=word)
    task_id, _, target = word.rpartition("@")
    kind, *ids = target.split(":")
    return TaskRef(task_id=task_id, kind=cast("TaskKind", kind), target=tuple(map(int, ids)))
