"""Says which extra has to be installed where a package is missing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["MissingExtraError", "extra"]


class MissingExtraError(ModuleNotFoundError):
    """A package of an extra is missing; the text says what to install."""


@contextmanager
def extra(name: str, *packages: str) -> Generator[None, None, None]:
    """Import what an extra installs in the body; other import errors pass unchanged.

    Args:
        name: The extra, as in ``pip install 'altcraft-async[name]'``.
        packages: Top-level names of what it installs.

    Raises:
        MissingExtraError: One of these packages is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.partition(".")[0] not in packages:
            raise
    else:
        return
    msg = f"{missing} is missing: pip install 'altcraft-async[{name}]'"
    raise MissingExtraError(msg, name=missing)
