"""Damaged answers make a value or an `AltcraftError`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.errors import AltcraftError
from altcraft_async.protocol.endpoints import REFRESH_RESOURCE, TASK_STATUS
from altcraft_async.protocol.envelope import interpret
from altcraft_async.protocol.messages import Response
from altcraft_async.protocol.task_responses import TaskAnswer
from tests.support.examples import examples

CORE = settings.get_profile("pure")
Sample = Callable[[str], bytes]
SAMPLES = Path(__file__).parents[1] / "samples"
ANSWERS = sorted(
    path.name for path in SAMPLES.iterdir() if path.suffix != ".md" and ".request." not in path.name
)
SECRET = "s3cret-token"


def mask(text: str) -> str:
    """Mask the secret."""
    return text.replace(SECRET, "***")


def check_value_or_altcraft_error(body: bytes, status: int) -> None:
    """Interpret a body for both endpoints; anything but a value or an AltcraftError escapes."""
    for endpoint, kind in ((REFRESH_RESOURCE, str), (TASK_STATUS, TaskAnswer)):
        try:
            value = interpret(endpoint, Response(status=status, body=body), mask)
        except AltcraftError:
            continue
        assert isinstance(value, kind)


@settings(CORE, max_examples=examples(100))
@given(name=st.sampled_from(ANSWERS), keep=st.floats(0, 1), status=st.sampled_from([200, 500]))
def test_cut_answer_is_a_value_or_an_altcraft_error(
    name: str, keep: float, status: int, sample: Sample
) -> None:
    body = sample(name)
    check_value_or_altcraft_error(body[: int(keep * len(body))], status)


@settings(CORE, max_examples=examples(100))
@given(
    name=st.sampled_from(ANSWERS),
    damage=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
    ),
)
def test_damaged_answer_is_a_value_or_an_altcraft_error(
    name: str, damage: list[tuple[float, int]], sample: Sample
) -> None:
    body = bytearray(sample(name))
    for where, byte in damage:
        body[int(where * len(body))] = byte
    check_value_or_altcraft_error(bytes(body), 200)


@CORE
@given(st.binary(), st.integers(100, 599), st.text(), st.text(), st.text())
def test_any_other_answer_is_an_altcraft_error(
    body: bytes, status: int, content_type: str, retry_after: str, location: str
) -> None:
    response = Response(
        status=status,
        body=body,
        content_type=content_type,
        retry_after=retry_after,
        location=location,
    )
    with pytest.raises(AltcraftError):
        interpret(TASK_STATUS, response, mask)
