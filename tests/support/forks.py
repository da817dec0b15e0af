"""Running something in a fork of this process."""

from __future__ import annotations

import os
from collections.abc import Callable


def in_a_fork(function: Callable[[], str]) -> str:
    """Return what a function says in a forked process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            said = function()
        except BaseException as error:  # noqa: BLE001 -- the parent has to hear of it
            said = repr(error)
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answers:
        said = answers.read()
    os.waitpid(child, 0)
    return said
