"""The last part of the address of a task: its id, its target and, with a secret, a signature.

A signature covers the id, the target, the owner and, where addresses expire, the second in
which this one does. So a browser can neither make up nor edit an address, and finds that of
another owner only if it is the same to the app.
Nothing is stored. Without a secret a word is what anybody could write.

Nothing here does I/O.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from altcraft_async.errors import ConfigurationError
from altcraft_async.integrations._signing import Secret, Signer
from altcraft_async.integrations._web import responses
from altcraft_async.models import TaskRef
from altcraft_async.models.task_words import task_word
from altcraft_async.models.validation import checked_function, checked_positive

__all__ = ["Addresses", "Owner"]

RequestT = TypeVar("RequestT")

Owner: TypeAlias = str | int | None
"""Who opens an address, such as a user's id; ``None`` is any visitor who is not known."""

_SEPARATOR = "."  # no target and no signature has it
_EXPIRING = re.compile(r"(?P<word>.+)\.(?P<until>[0-9]+)", re.DOTALL)


class Addresses(Generic[RequestT]):
    """Writes and reads the words that name tasks in the paths of an app.

    Attributes:
        signed: Whether there is a secret.
    """

    def __init__(
        self,
        secret: Secret | None,
        owner: Callable[[RequestT], Owner] | None,
        expire: float | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Sign with this secret, or not at all.

        Raises:
            ConfigurationError: The secret is too short, or there is an owner or a time to
                expire without a secret.
        """
        if expire is not None:
            checked_positive("addresses_expire", expire)
            if secret is None:
                msg = "addresses_expire: needs a secret, as nobody signs when an address was made"
                raise ConfigurationError(msg)
        self._expire, self._now = expire, now
        if owner is not None:
            checked_function("owner", owner)
            if secret is None:
                msg = "owner: needs a secret, which keeps visitors from editing addresses"
                raise ConfigurationError(msg)
        self._owner = owner
        self._signer = None if secret is None else Signer(secret)
        self.signed = self._signer is not None

    def word(self, request: RequestT, ref: TaskRef, found_by: str | None = None) -> str:
        """Return the word for a task, for whoever sends this request.

        It expires when the word does by which the task was found, if it was.
        """
        word = task_word(ref)
        if self._signer is None:
            return word
        until = None
        if self._expire is not None:
            found = _EXPIRING.fullmatch((found_by or "").rpartition(_SEPARATOR)[0])
            until = found["until"] if found else str(math.ceil(self._now() + self._expire))
        signature = self._signer.signature(self._text(request, word, until))
        return _SEPARATOR.join((word, *([until] if until else []), signature))

    def read(self, request: RequestT, word: str) -> TaskRef:
        """Return the task that a word names.

        Raises:
            ConfigurationError: The word does not name a task.
            WrongAddressError: The signature is missing or wrong, or belongs to another owner.
            ExpiredAddressError: It is right, and too old.
        """
        if self._signer is None:
            return responses.parse_task(word)
        word, _, signature = word.rpartition(_SEPARATOR)
        expiring = _EXPIRING.fullmatch(word)
        word, until = expiring.groups() if expiring else (word, None)
        if not self._signer.verifies(self._text(request, word, until), signature):
            msg = "task: this address was not made by this app, or for another visitor"
            raise responses.WrongAddressError(msg)
        # One without an end is from before addresses began to expire.
        if self._now() >= int(until) if until else self._expire is not None:
            msg = "task: this address has expired"
            raise responses.ExpiredAddressError(msg)
        return responses.parse_task(word)

    def _text(self, request: RequestT, word: str, until: str | None) -> str:
        owner = self._owner(request) if self._owner else None
        if owner is not None and type(owner) not in {str, int}:
            msg = f"owner: has to return a str, an int or None, not {type(owner).__name__}"
            raise ConfigurationError(msg)
        # An id is the same as a number and as text, and no URL of feedback is such a list.
        signed = ["task", word, None if owner is None else str(owner)]
        return json.dumps(signed if until is None else [*signed, until])
