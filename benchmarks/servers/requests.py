"""Parses POST requests that have a Content-Length from the bytes of a connection."""

from __future__ import annotations

import re
from typing import NamedTuple

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "
_RESOURCE = re.compile(rb'(?:"id": ?"?|<id>)(\d+)')


class Request(NamedTuple):
    """What the servers need of a request."""

    path: bytes
    body: bytes

    @property
    def is_poll(self) -> bool:
        """Tell a poll from a start."""
        return b"tasks/status" in self.path

    @property
    def resource_id(self) -> int:
        """Return the resource that a start is about."""
        found = _RESOURCE.search(self.body)
        assert found is not None
        return int(found[1])

    @property
    def wire_format(self) -> str:
        """Return the format of the body."""
        return "xml" if self.body.startswith(b"<") else "json"


def parse_request(received: bytes) -> tuple[Request, bytes] | None:
    """Return the first request and the remaining bytes; ``None`` while it is incomplete."""
    head, found, rest = received.partition(_END_OF_HEAD)
    if not found:
        return None
    length = int(head.lower().partition(_LENGTH)[2].partition(b"\r\n")[0])
    if len(rest) < length:
        return None
    return Request(head.split(b" ", 2)[1], rest[:length]), rest[length:]
