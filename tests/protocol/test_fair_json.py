"""Large JSON reads as small JSON does, or is refused as it is."""

from __future__ import annotations

import asyncio
import json
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async.protocol.fair_json import FAIR, decode
from tests.support.longest_pause import watched_loop

SPACE = b" " * FAIR
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@given(value=VALUES, ascii_only=st.booleans())
def test_large_document_has_the_value_of_a_small_one(value: object, *, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert decode(text + SPACE) == msgspec.json.decode(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":"\\ud800"}',
        b'{"\\udc00":1}',
        b'["\xff"]',
        b"[NaN]",
        b"[Infinity]",
        b"[1e999]",
        b"[-1e999]",
        b"[01]",
        b"[1.]",
        b"[.5]",
        b"[+1]",
        b"[1] 2",
        b"[1,]",
        b"{'a':1}",
        b'["\n"]',
        b'["\\x"]',
        b'{"a":1',
        b"",
    ],
)
def test_document_is_refused_large_or_small(text: bytes) -> None:
    for document in (text, text + SPACE):
        with pytest.raises(ValueError):  # noqa: PT011 -- of either reader
            decode(document)


@pytest.mark.parametrize(
    "text",
    [b'{"a":1,"a":2}', b'["\\ud83d\\ude00"]', b"[1e2, -0.0]", b"[1234567890123456789012]"],
)
def test_unusual_document_reads_the_same_large_or_small(text: bytes) -> None:
    assert decode(text + SPACE) == msgspec.json.decode(text)


def test_document_that_is_too_deep_is_refused() -> None:
    with pytest.raises(RecursionError):
        decode(b"[" * FAIR + b"]" * FAIR)


async def test_other_threads_run_many_times_while_a_document_is_read() -> None:
    text = json.dumps({f"k{number}": 0 for number in range(30_000)}).encode()
    reading = asyncio.ensure_future(asyncio.to_thread(decode, text))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 10


@pytest.mark.slow
async def test_other_threads_go_on_while_a_large_document_is_read() -> None:
    text = json.dumps({f"k{number}": 0 for number in range(200_000)}).encode()
    async with watched_loop() as pauses:
        began = time.perf_counter()
        await asyncio.to_thread(decode, text)
        seconds = time.perf_counter() - began
    assert pauses.waited < seconds / 4
