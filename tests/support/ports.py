"""Ports on which no server answers."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress


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
    """Return a port that nothing listens on.

    It is below those that Linux gives to sockets that ask for any (32768 and up), so that no other
    test gets it meanwhile.
    """
    while True:
        port = 20_000 + secrets.randbelow(10_000)  # not by `random`, which tests seed
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
