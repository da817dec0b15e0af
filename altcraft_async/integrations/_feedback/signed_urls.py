"""Signed URLs, one for each target. No I/O.

A URL ends in its kind, its target and an HMAC-SHA256 of both, so nothing has to be
stored and the same target always has the same URL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from altcraft_async.integrations._signing import Secret, Signer
from altcraft_async.models import TaskKind
from altcraft_async.models.targets import TARGET_IDS
from altcraft_async.models.validation import checked_choice, checked_target
from altcraft_async.protocol.base_url import checked_address

__all__ = ["SignedUrls"]

# The vendor's page on segments documents no feedback.
_KINDS: Mapping[str, TaskKind] = {"resource": "resource", "database": "database"}
_PARTS = 3  # kind, target and signature


class SignedUrls:
    """Makes signed URLs below a base URL, and verifies them.

    Attributes:
        base: The base URL, without a slash at the end.
    """

    def __init__(self, base_url: str, secret: Secret | None) -> None:
        """Sign with this secret, the first of several; ``None`` is a random one.

        Raises:
            ConfigurationError: ``base_url`` is not a URL, or ``secret`` is too short.
        """
        self.base = checked_address("base_url", base_url).rstrip("/")
        self._signer = Signer(secret)

    def url_for(self, kind: str, target: Sequence[int]) -> str:
        """Return the URL of a target.

        Raises:
            ConfigurationError: There is no such target, or no feedback for it.
        """
        checked_choice("kind", kind, *_KINDS)
        ids = "-".join(map(str, checked_target(tuple(target), *TARGET_IDS[_KINDS[kind]])))
        return f"{self.base}/{kind}/{ids}/{self._signer.signature(f'{kind}/{ids}')}"

    def verified_target(self, path: str) -> tuple[TaskKind, tuple[int, ...]] | None:
        """Return the target whose URL ends like this path; ``None`` if the signature is wrong."""
        parts = path.split("/")[-_PARTS:]
        if len(parts) != _PARTS or parts[0] not in _KINDS:
            return None
        kind, ids, signature = parts
        if not self._signer.verifies(f"{kind}/{ids}", signature):
            return None
        # The signature is ours, so these are ids.
        return _KINDS[kind], tuple(map(int, ids.split("-")))
