"""Exports of profiles: tasks whose result is a list of files."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from altcraft_async.simulator.randomness import seeded_random

FILE_SIZE = 50_000
"""Profiles per file; our choice, as the vendor does not document when an export is split."""

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
        total: Number of profiles.
        urls: Relative URLs of the files; the simulator does not serve them.
    """

    source: Source
    total: int
    urls: tuple[str, ...]


def draw_export(seed: int, task_id: str, source: Source, total: int) -> Export:
    """Draw the URLs of the files."""
    folder = uuid.UUID(int=seeded_random(seed, "files", task_id).getrandbits(128), version=4)
    files = range(1, max(1, -(-total // FILE_SIZE)) + 1)
    urls = (
        f"/api/download/data/{folder}/{number}_{source.type}_export.{source.file_format}"
        for number in files
    )
    return Export(source, total, tuple(urls))
