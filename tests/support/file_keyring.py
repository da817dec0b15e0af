"""A keyring in a file of the home directory, for processes that tests start."""

from __future__ import annotations

import json
from pathlib import Path

from keyring.backend import KeyringBackend

__all__ = ["FileKeyring"]


class FileKeyring(KeyringBackend):
    """Chosen by ``PYTHON_KEYRING_BACKEND``."""

    priority = 1  # pyright: ignore[reportAssignmentType] -- it has a property of classes

    def get_password(self, service: str, username: str) -> str | None:
        """Return a token."""
        return self._read().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a token."""
        self._path.write_text(json.dumps({**self._read(), f"{service} {username}": password}))

    @property
    def _path(self) -> Path:
        return Path.home() / "keyring.json"

    def _read(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self._path.read_text()) if self._path.exists() else {}
        return found
