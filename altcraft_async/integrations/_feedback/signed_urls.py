"""Signed URLs, one for each target. No I/O.

A URL ends in its kind, its target and an HMAC-SHA256 of both, so nothing has to be
stored and the same target always has the same URL.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence

from altcraft_async.errors import ConfigurationError
from altcraft_async.models import TaskKind
from altcraft_async.models.targets import TARGET_IDS
from altcraft_async.models.validation import checked_choice, checked_target
from altcraft_async.protocol.base_url import checked_address

__all__ = ["SignedUrls"]

_MIN_SECRET = 16
"""Bytes: 128 bits, below which a key can be guessed."""

# The vendor's page on segments documents no feedback.
_KINDS: Mapping[str, TaskKind] = {"resource": "resource", "database": "database"}
_PARTS = 3  # kind, target and signature


class SignedUrls:
    """Makes signed URLs below a base URL, and verifies them.

    Attributes:
        base: The base URL, without a slash at the end.
    """

    def __init__(self, base_url: str, secret: str | bytes | None) -> None:
        """Sign with this secret, by default a random one.

        Raises:
            ConfigurationError: ``base_url`` is not a URL, or ``secret`` is too short.
        """
        self.base = checked_address("base_url", base_url).rstrip("/")
        self._key = _checked_key(secret)

    def url_for(self, kind: str, target: Sequence[int]) -> str:
        """Return the URL of a target.

        Raises:
            ConfigurationError: There is no such target, or no feedback for it.
        """
        checked_choice("kind", kind, *_KINDS)
        ids = "-".join(map(str, checked_target(tuple(target), *TARGET_IDS[_KINDS[kind]])))
        return f"{self.base}/{kind}/{ids}/{self._signature(kind, ids)}"

    def verified_target(self, path: str) -> tuple[TaskKind, tuple[int, ...]] | None:
        """Return the target whose URL ends like this path; ``None`` if the signature is wrong."""
        # compare_digest takes ASCII only.
        parts = path.split("/")[-_PARTS:] if path.isascii() else []
        if len(parts) != _PARTS or parts[0] not in _KINDS:
            return None
        kind, ids, signature = parts
        if not hmac.compare_digest(signature, self._signature(kind, ids)):
            return None
        # The signature is ours, so these are ids.
        return _KINDS[kind], tuple(map(int, ids.split("-")))

    def _signature(self, kind: str, ids: str) -> str:
        mac = hmac.new(self._key, f"{kind}/{ids}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(mac.digest()).rstrip(b"=").decode()


def _checked_key(secret: object) -> bytes:
    if secret is None:
        return secrets.token_bytes(32)
    key = secret.encode() if isinstance(secret, str) else secret
    if not isinstance(key, bytes) or len(key) < _MIN_SECRET:
        msg = f"secret: has to be a text or bytes, {_MIN_SECRET} bytes or more"
        raise ConfigurationError(msg)
    return key
