"""Reads JSON; a large document so that other threads go on meanwhile.

msgspec keeps the interpreter's lock until it has read a whole document, for 60 ms a
megabyte of short keys. In a thread, that stops the event loop all the same. The
scanner of the standard library that is written in Python lets other threads run
between its steps; it takes some ten times as long, and accepts the same documents.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from json.decoder import scanstring  # type: ignore[attr-defined]
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any, NoReturn, cast

import msgspec

__all__ = ["FAIR", "decode"]

FAIR = 2**18
"""Bytes from which a document is read so that other threads go on; msgspec takes 20 ms at most."""

_scan = cast("Callable[[str, int, bool], tuple[str, int]]", scanstring)


def decode(text: bytes) -> Any:  # noqa: ANN401 -- a document may be anything
    """Return the value of a document.

    Raises:
        ValueError: It is no JSON.
        RecursionError: It is too deep.
    """
    if len(text) > FAIR:
        return _decoder.decode(text.decode())
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError as refused:  # a `ValueError` in newer versions only
        raise ValueError(*refused.args) from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    for name, _ in pairs:
        _check(name)
    return dict(pairs)


def _text(document: str, start: int, strict: bool) -> tuple[str, int]:  # noqa: FBT001 -- json's
    text, end = _scan(document, start, strict)
    _check(text)
    return text, end


def _check(text: str) -> None:
    """Refuse half a surrogate pair, which is no text."""
    if not text.isascii():
        text.encode()


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        msg = f"the number {digits[:40]} is out of range"
        raise ValueError(msg)
    return number


def _refuse(word: str) -> NoReturn:
    msg = f"{word} is no JSON"
    raise ValueError(msg)


def _new_decoder() -> json.JSONDecoder:
    decoder: Any = json.JSONDecoder(
        object_pairs_hook=_object, parse_float=_float, parse_constant=_refuse
    )
    decoder.parse_string = _text
    decoder.scan_once = py_make_scanner(decoder)
    made: json.JSONDecoder = decoder
    return made


_decoder = _new_decoder()
