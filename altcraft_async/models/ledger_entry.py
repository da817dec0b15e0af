"""`LedgerEntry`: what a ledger has of one start."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from altcraft_async.models.base_errors import LedgerError
from altcraft_async.models.targets import TaskKind
from altcraft_async.models.tasks import TaskRef

__all__ = ["LedgerEntry"]

ENTRY_VERSION = 1
"""Version in the JSON form of an entry; see `REF_VERSION`."""

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class LedgerEntry(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="version", tag=ENTRY_VERSION
):
    """The newest start of one target, or what a name came to there; never has the API token.

    Attributes:
        key: Of the target and its install, see `entry_key`, or of a name there, see `name_key`.
        kind: What is refreshed.
        target: Ids of what is refreshed, as a target of ``refresh_many``.
        revision: Grows by one with every change, from 1 on.
        owner: Of this start: a random id of the client, and a number.
        idempotency_key: The caller's own name for the start; ``""`` for none.
        intended_at: When the intent was written, aware.
        lease_until: Until then the request may be under way, aware.
        before: What the platform said about the last refresh before the start;
            ``""`` where it was not read or did not say.
        ref: The task that the start gave; ``None`` while it is not known.
        over: Whether the task is known to be over. Without a ``ref``, the start
            surely did not happen, or was forgotten.
    """

    key: str
    kind: TaskKind
    target: tuple[int, ...]
    revision: int
    owner: str
    idempotency_key: str = ""
    intended_at: _Moment
    lease_until: _Moment
    before: str = ""
    ref: TaskRef | None = None
    over: bool = False

    def to_json(self) -> str:
        """Return the entry as one line of JSON, for `from_json`."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, stored: str | bytes) -> LedgerEntry:
        """Read back what `to_json` wrote.

        Raises:
            LedgerError: It is something else, or of another version.
        """
        try:
            return msgspec.json.decode(stored, type=cls)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError) as refused:
            reason = str(refused)
        msg = f"ledger: not an entry as version {ENTRY_VERSION} writes it ({reason})"
        raise LedgerError(msg)
