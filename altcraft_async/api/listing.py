"""What the ``list`` of every namespace shares: the filters, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from altcraft_async.api.pages import Pages
from altcraft_async.models.validation import checked_id, checked_ids, checked_words
from altcraft_async.protocol.endpoints import Endpoint
from altcraft_async.protocol.paging import Identified, Page, Position
from altcraft_async.transport.sender import Sender

__all__ = ["listed"]

Row = TypeVar("Row", bound=Identified)


def listed(  # noqa: PLR0913 -- one argument per parameter of the vendor's, all but two by name
    sender: Sender,
    endpoint: Endpoint[Page[Row]],
    *,
    from_id: int,
    limit: int,
    groups: Collection[str] | None,
    groups_id: Collection[int] | None,
    tags: Collection[str] | None = None,
) -> Pages[Row]:
    """Return the rows of a list.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    position = Position(from_id=checked_id("from_id", from_id), limit=checked_id("limit", limit))
    filters = {
        "tags": None if tags is None else checked_words("tags", tags),
        "groups": None if groups is None else checked_words("groups", groups),
        "groups_id": None if groups_id is None else checked_ids("groups_id", groups_id),
    }
    return Pages(sender, endpoint, position, filters)
