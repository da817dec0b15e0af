"""`Signer`: HMAC-SHA256 signatures that fit into a URL, for the web apps and for feedback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import TypeAlias, cast

from altcraft_async.errors import ConfigurationError

__all__ = ["Secret", "Signer"]

Secret: TypeAlias = str | bytes | Sequence[str | bytes]
"""A secret, or the newest and then those that are still accepted."""

_MIN_SECRET = 16
"""Bytes: 128 bits, below which a key can be guessed."""


class Signer:
    """Signs with the newest secret, and accepts what any of them has signed."""

    def __init__(self, secret: Secret | None) -> None:
        """Take the secrets; ``None`` is a random one, which no other object has.

        Raises:
            ConfigurationError: A secret is too short, or there is none in a sequence.
        """
        if secret is None:
            secret = secrets.token_bytes(32)
        several = [secret] if isinstance(secret, (str, bytes)) else _listed(secret)
        self._keys = [_checked_key(one) for one in several]
        if not self._keys:
            msg = "secret: has to be a secret, or a list that begins with the newest"
            raise ConfigurationError(msg)

    def signature(self, text: str) -> str:
        """Return the signature of a text: 43 characters that a URL may have."""
        return _signature(self._keys[0], text)

    def verifies(self, text: str, signature: str) -> bool:
        """Say whether this signature belongs to the text, in constant time for each secret."""
        if not signature.isascii():  # compare_digest takes no other
            return False
        return any(hmac.compare_digest(signature, _signature(key, text)) for key in self._keys)


def _signature(key: bytes, text: str) -> str:
    # A URL may decode to half a surrogate pair, which strict UTF-8 refuses.
    mac = hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return base64.urlsafe_b64encode(mac.digest()).rstrip(b"=").decode()


def _listed(secret: object) -> list[object]:
    return list(cast("Sequence[object]", secret)) if isinstance(secret, Sequence) else [secret]


def _checked_key(secret: object) -> bytes:
    key = secret.encode() if isinstance(secret, str) else secret
    if not isinstance(key, bytes) or len(key) < _MIN_SECRET:
        msg = f"secret: has to be a text or bytes, {_MIN_SECRET} bytes or more"
        raise ConfigurationError(msg)
    return key
