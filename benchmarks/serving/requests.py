"""Cutting POST requests with a Content-Length out of what arrives on a connection."""

from __future__ import annotations

from typing import NamedTuple

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Request(NamedTuple):
    """What is needed of a request.

    Attributes:
        path: As in its first line.
        body: All of it.
    """

    path: bytes
    body: bytes

    @property
    def is_poll(self) -> bool:
        """Say whether it is a poll, and no start."""
        return b"tasks/status" in self.path


def cut(arrived: bytes) -> tuple[Request, bytes] | None:
    """Take one request off; return it and the rest, or ``None`` where it is not complete."""
    head, found, rest = arrived.partition(_END_OF_HEAD)
    if not found:
        return None
    length = int(head.lower().partition(_LENGTH)[2].partition(b"\r\n")[0])
    if len(rest) < length:
        return None
    return Request(head.split(b" ", 2)[1], rest[:length]), rest[length:]
