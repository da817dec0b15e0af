"""`TaskRef`, `TaskStatus` and `Feedback`: values about one task."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import MINYEAR, datetime
from typing import Annotated

import msgspec

from altcraft_async.models.base_errors import ConfigurationError
from altcraft_async.models.targets import TaskKind, named_target
from altcraft_async.models.validation import checked_task_id, text_fault

__all__ = ["Feedback", "TaskRef", "TaskStatus"]

REF_VERSION = 1
"""Version in the JSON form of a ref. It goes up when an older reader would misread a newer one."""


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """Where the platform shall report when the counters are refreshed.

    The vendor documents this parameter, and not what the platform sends or
    whether it retries. So a report is a hint, and polls go on without it.

    Attributes:
        url: URL that the platform calls.
        type: How it sends; ``"JSON"`` is the only documented value.
    """

    url: str
    type: str = "JSON"

    def __post_init__(self) -> None:
        """Refuse a URL that cannot be sent or called."""
        for name, value in (("url", self.url), ("type", self.type)):
            fault = text_fault(value)
            if not fault and name == "url" and not value.startswith(("http://", "https://")):
                fault = "has to be an http:// or https:// address"
            if fault:
                msg = f"feedback: {name} {fault}"
                raise ConfigurationError(msg)


class TaskStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one poll.

    Attributes:
        status: As sent, but as one line of 300 characters at most. Only ``completed``
            (and, once, ``success``) is documented. Any other name counts as running,
            unless it is one of the client's ``failure_statuses``.
        progress: As sent, evidently percent; ``None`` where missing or no number.
        raw: The answer's ``data`` as sent, with unknown fields; empty where it is larger
            than 256 KB in a handle, or than 64 KB in an error.
    """

    status: str
    progress: int | None = None
    raw: Mapping[str, object] = {}


class TaskRef(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="version", tag=REF_VERSION
):
    """A started task, to be stored, sent elsewhere and attached again.

    It never has the API token.

    Attributes:
        task_id: Opaque id from the platform: 1 to 200 printable characters without spaces.
        kind: What it refreshes.
        target: Ids of what it refreshes, a `ResourceTarget`, `DatabaseTarget` or
            `SegmentTarget`; ``None`` where unknown.
        started_at: When the start was answered, by this machine's clock;
            ``None`` where unknown.
    """

    task_id: str
    kind: TaskKind = "unknown"
    target: tuple[int, ...] | None = None
    started_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    def __post_init__(self) -> None:
        """Refuse an id that cannot be sent, or could forge a line of a log."""
        if self.started_at is not None and self.started_at.year == MINYEAR:
            # Go's zero time, of a ref that another program made.
            msgspec.structs.force_setattr(self, "started_at", None)
        checked_task_id("task_id", self.task_id)
        if self.target is not None and (named := named_target(self.kind, self.target)):
            msgspec.structs.force_setattr(self, "target", named)

    def to_json(self) -> str:
        """Return the ref as one line of JSON, for `from_json`."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, stored: str | bytes) -> TaskRef:
        """Read back what `to_json` wrote.

        Raises:
            ConfigurationError: It is something else, or of another version.
        """
        try:
            return msgspec.json.decode(stored, type=cls)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError) as refused:
            reason = str(refused)
        msg = f"stored: not what TaskRef.to_json() of version {REF_VERSION} writes ({reason})"
        raise ConfigurationError(msg)
