"""Settings of one installation of the platform, where the vendor's pages leave a choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Cursor: TypeAlias = Literal["next_id", "next_row", "last_row"]
"""Meaning of ``next_from_id`` in lists; the vendor's samples show three.

``next_id``: the next object, even if the filter drops it (``resources/list``:
row 1, next 4, total 1). ``next_row``: the next row (``databases/list``: rows 1 and 2,
next 6, total 4). ``last_row``: the last row of the page (``segments/list``: rows 1
and 2, next 2, total 2), so a page of one row never advances. At the end of a list,
the first two are one more than the last row's id, never 0.
"""

SegmentDatabaseName: TypeAlias = Literal["db_id", "list_id"]


@dataclass(frozen=True, slots=True)
class Installation:
    """How an installation is set up.

    Attributes:
        token: The only accepted API token.
        http_errors: Whether the HTTP status of a refusal equals its ``error``.
        cursor: Meaning of ``next_from_id`` in every list; ``None`` for the
            meaning in each list's sample.
        segment_database_name: The only accepted name of a segment's database;
            ``None`` accepts both.
        shows_running: Whether ``get_counters`` answers in groups, as a refresh does,
            and reports a running refresh.
        strict: Whether requests are accepted only as documented.
    """

    token: str
    http_errors: bool = False
    cursor: Cursor | None = None
    segment_database_name: SegmentDatabaseName | None = None
    shows_running: bool = False
    strict: bool = False
