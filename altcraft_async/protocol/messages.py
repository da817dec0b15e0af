"""`Request` and `Response`: the values between the protocol and the transport."""

from __future__ import annotations

import msgspec

__all__ = ["Request", "Response"]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request, ready to be sent with ``POST``.

    Attributes:
        path: API method, for example ``"tasks/status"``.
        content_type: Of the body.
        body: Encoded parameters, with the token if it belongs there.
        authorization: Value of the header, if the token belongs there.
        starts: Whether it starts a task, so that it must not be sent twice.
    """

    path: str
    content_type: str
    body: bytes
    authorization: str | None = None
    starts: bool = False

    def __repr__(self) -> str:
        """Show the path and the size of the body."""
        return f"Request({self.path!r}, {len(self.body)} bytes of {self.content_type})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """Show less to rich, for which msgspec would list every field."""
        return [("path", self.path)]


LARGE = 2**14
"""Bytes that take at most some 15 ms to read, the longest that one call may block the event loop:
those of a list take 6 ms, and those of tiny elements or objects 15 ms."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """One whole answer.

    Attributes:
        status: HTTP status.
        body: Complete and decompressed.
        content_type: As the header says, ``""`` where it is missing.
        retry_after: The header as it came, ``""`` where it is missing.
        location: The header as it came, ``""`` where it is missing.
        received_at: Wall-clock seconds since 1970, to read ``retry_after`` by.
    """

    status: int
    body: bytes
    content_type: str = ""
    retry_after: str = ""
    location: str = ""
    received_at: float = 0.0

    @property
    def is_slow_to_read(self) -> bool:
        """Whether the body is read in a thread."""
        return len(self.body) > LARGE
