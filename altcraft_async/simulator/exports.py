"""Exports of profiles: the tasks whose result is no counters but files."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from altcraft_async.simulator.randomness import dice

FILE_SIZE = 50_000
"""Profiles in a file; the vendor documents several files, and not when there is more than one."""


SourceType: TypeAlias = Literal["database", "segment"]

SOURCE_TYPES: tuple[SourceType, ...] = ("database", "segment")


class Source(NamedTuple):
    """What is exported.

    Attributes:
        type: ``"database"`` or ``"segment"``.
        id: Its id.
        file_format: For example ``"csv"``.
    """

    type: SourceType
    id: int
    file_format: str


@dataclass(frozen=True, slots=True)
class Export:
    """The result of an export.

    Attributes:
        source: What was exported.
        total: How many profiles.
        urls: Relative addresses of the files, which nobody serves here.
    """

    source: Source
    total: int
    urls: tuple[str, ...]


def draw_export(seed: int, task_id: str, source: Source, total: int) -> Export:
    """Draw where the files are."""
    folder = uuid.UUID(int=dice(seed, "files", task_id).getrandbits(128), version=4)
    files = range(1, max(1, -(-total // FILE_SIZE)) + 1)
    urls = (
        f"/api/download/data/{folder}/{number}_{source.type}_export.{source.file_format}"
        for number in files
    )
    return Export(source, total, tuple(urls))
