"""The account in the environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping

from altcraft_async.api.options import FormatName
from altcraft_async.errors import ConfigurationError
from altcraft_async.models.validation import text_fault
from altcraft_async.protocol.base_url import checked_address

__all__ = ["checked_environment", "checked_format"]

_FORMATS: Mapping[str, FormatName] = {"json": "json", "xml": "xml"}


def checked_environment() -> FormatName:
    """Check ``ALTCRAFT_URL`` and ``ALTCRAFT_TOKEN``, and return ``ALTCRAFT_FORMAT``.

    Raises:
        ConfigurationError: A variable is missing or wrong; the text names it.
    """
    for name in ("ALTCRAFT_URL", "ALTCRAFT_TOKEN"):
        # No variable here holds the token: tools print the variables of a traceback.
        if not os.environ.get(name):
            msg = f"{name}: this environment variable is not set"
            raise ConfigurationError(msg)
        if fault := text_fault(os.environ[name]):
            msg = f"{name}: {fault}"
            raise ConfigurationError(msg)
    checked_address("ALTCRAFT_URL", os.environ["ALTCRAFT_URL"])
    return checked_format()


def checked_format() -> FormatName:
    """Return ``ALTCRAFT_FORMAT``, ``"json"`` where it is not set.

    Raises:
        ConfigurationError: It is anything but json or xml.
    """
    wire_format = os.environ.get("ALTCRAFT_FORMAT") or "json"
    if wire_format not in _FORMATS:
        msg = f"ALTCRAFT_FORMAT: has to be json or xml, not {wire_format!r}"
        raise ConfigurationError(msg)
    return _FORMATS[wire_format]
