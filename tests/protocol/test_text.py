"""Texts of the platform as one short line."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.protocol.text import LONGEST_LINE, line, masked_line

CORE = settings.get_profile("pure")


@CORE
@given(st.text() | st.text(max_size=50).map(lambda text: text * 20))
def test_any_text_becomes_one_short_printable_line(text: str) -> None:
    assert line(text).isprintable()
    assert len(line(text)) == min(len(text), LONGEST_LINE)


def test_printable_text_stays_as_it_is() -> None:
    assert line("in progress, 40 %: ждите") == "in progress, 40 %: ждите"


def test_line_breaks_escapes_and_direction_marks_become_spaces() -> None:
    assert line("a\r\nb\x1b[2J\x00\x85\u2028\u202ec") == "a  b [2J    c"


def test_secret_at_the_cut_is_masked_before_the_cut() -> None:
    text = "x" * (LONGEST_LINE - 2) + "secret"
    assert masked_line(text, lambda text: text.replace("secret", "***")) == text[:-6] + "**"
