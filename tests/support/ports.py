"""Ports on which no server answers."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager


@contextmanager
def full(address: str, port: int = 0) -> Generator[int, None, None]:
    """Listen with a queue of connections that is full, so that connecting takes for ever."""
    with socket.socket() as listening, ExitStack() as stack:
        listening.bind((address, port))
        listening.listen(0)
        for _ in range(3):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)  # noqa: FBT003 -- socket takes no keywords
            one.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


def free_port() -> int:
    """Return a port that nothing listens on, for now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
