"""Texts of the platform, as models, errors and log records have them."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["LONGEST_LINE", "line", "masked_line"]

LONGEST_LINE = 300
"""Characters: enough to recognise the page of a proxy."""


def line(text: str) -> str:
    """Return a text as one short line, which cannot forge another one or control a terminal."""
    if len(text) <= LONGEST_LINE and text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text[:LONGEST_LINE])


def masked_line(text: str, mask: Callable[[str], str]) -> str:
    """Return `line` of a text without secrets."""
    # Masked before the cut, which could leave half of a secret; and only the beginning,
    # as masking megabytes takes time.
    return line(mask(text[: 64 * LONGEST_LINE]))
