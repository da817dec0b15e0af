"""The errors that models raise; `altcraft_async.errors` has the whole tree.

They are here because `altcraft_async.errors` imports the models that its errors have.
"""

from __future__ import annotations

from typing import Self, TypeVar

__all__ = ["AltcraftError", "ConfigurationError", "LedgerError"]

_E = TypeVar("_E", bound="AltcraftError")


class AltcraftError(Exception):
    """Root of all errors of this library.

    Attributes:
        maybe_delivered: Whether the platform may have acted on the request. After a call that
            starts a task, check the platform before you start it again.
        retry_after: Seconds that the answer asked to wait; ``None`` where it did not.
        permanent: Whether the same request would fail the same way.
    """

    __module__ = "altcraft_async.errors"  # where callers import it from

    maybe_delivered: bool = False
    retry_after: float | None = None
    permanent: bool = False

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild from the message and the attributes, without ``__init__``."""
        return _rebuild, (type(self), self.args, self.__dict__)

    def fresh(self) -> Self:
        """Return an equal error that was never raised.

        Each raise adds to the traceback of an error, so each awaiter gets its own.
        """
        copied = _rebuild(type(self), self.args, self.__dict__)
        if self.__cause__ is not None:
            copied.__cause__ = self.__cause__
        if hasattr(self, "__notes__"):
            copied.__notes__ = list(self.__notes__)
        return copied


def _rebuild(cls: type[_E], args: tuple[object, ...], fields: dict[str, object]) -> _E:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


class ConfigurationError(AltcraftError, ValueError):
    """An argument is wrong; nothing was sent. The text names the argument.

    Attributes:
        wrong_value: Whether it is an id or a word that cannot be sent, which a program may
            have from its user. Otherwise the program itself has to be mended.
    """

    __module__ = "altcraft_async.errors"

    def __init__(self, message: str, *, wrong_value: bool = False) -> None:
        """Keep only the message in ``args``."""
        super().__init__(message)
        self.wrong_value = wrong_value


class LedgerError(AltcraftError):
    """The ledger cannot be reached or read, so nothing was sent.

    Repair or replace the store, then call again.
    """

    __module__ = "altcraft_async.errors"
