"""What is true of one install of the platform, where the vendor's pages leave it open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from altcraft_async.simulator.lists import Cursor

SegmentDatabaseName: TypeAlias = Literal["db_id", "list_id"]


@dataclass(frozen=True, slots=True)
class Install:
    """How an install is set up.

    Attributes:
        token: The only API token that is accepted.
        http_errors: Whether the HTTP status follows the ``error`` of a refusal.
        cursor: What ``next_from_id`` means in every list; ``None`` for what
            the sample of each list shows.
        segment_database_name: The only name of a segment's database that is
            taken; ``None`` for either.
        shows_running: Whether ``get_counters`` answers as a refresh does, and
            tells of a count that runs.
    """

    token: str
    http_errors: bool = False
    cursor: Cursor | None = None
    segment_database_name: SegmentDatabaseName | None = None
    shows_running: bool = False
