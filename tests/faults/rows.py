"""The list of faults for users: every row, what comes of it, and the tests that show it.

``python -m tests.faults.rows`` writes it into `docs/faults.md`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from altcraft_async import AltcraftError
from tests.faults.singles import (
    NOTHING,
    POLL_FIRST,
    REFUSED,
    SINGLE,
    Row,
    faults_test,
    waits,
    works,
)
from tests.faults.table import FAULTS, QUIRKS, Fault
from tests.faults.tasks import COURSES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- rows -->\n", "<!-- end of rows -->\n"

HEAD = """\
| # | What goes wrong | A start | A poll, or another read | Sent | What to do |
| --- | --- | --- | --- | --- | --- |
"""

LATER: Mapping[int, str] = {
    73: "starts that a platform acts on later than a start's lease",
    80: "checking the addresses that others pass in as feedback",
}
"""Rows about what this library does not do."""

NO_TEXT = "check `base_url`, and what stands between"

ADVICE: Mapping[str, str] = {
    "AuthenticationError": "give a token that is valid",
    "BadRequestError": "mend what the text says",
    "NotFoundError": "check the ids and `base_url`",
    "PermissionDeniedError": "have the token's role cover it",
    "ProtocolError": f"{NO_TEXT}; `snippet` shows what came",
    "RateLimitedError": "ask less often, or set `rate_limit`; `retry_after` says for how long",
    "TariffLimitError": "the plan does not cover it",
    "TaskFailedError": "start it again if the cause is gone",
}
"""By the error that one gets; where none is given, patience is enough."""

CUT = ""
TOO_LARGE = "raise `max_answer_bytes` if so much is right"
UNUSABLE = "`snippet` shows what came: the platform has to mend it"

ADVICE_BY_ROW: Mapping[int, str] = {
    **dict.fromkeys((18, 19), CUT),
    **dict.fromkeys((21, 22, 23), TOO_LARGE),
    **dict.fromkeys((24, 25, 26, 28, 30), NO_TEXT),
    **dict.fromkeys((37, 40), REFUSED),
    41: "if the platform is where it pointed, put that into `base_url`",
    **dict.fromkeys((53, 55, 57), UNUSABLE),
}
"""Where the error alone does not say what to do."""


def advice(row: int, error: str) -> str:
    """Return what to do about a fault, if there is anything."""
    if error in ("ApiError", "ProtocolError") and row in ADVICE_BY_ROW:
        return ADVICE_BY_ROW[row]
    return ADVICE.get(error, "")


_EXCHANGE = faults_test(
    "exchange.py::test_fault_gives_its_error_after_as_many_requests_as_are_safe"
)
_SURVIVES = faults_test("waiting.py::test_wait_survives_a_poll_that_fails_in_passing_and_no_other")
_QUIRK = faults_test("exchange.py::test_odd_answer_is_an_answer")
_COURSE = faults_test("waiting.py::test_wait_ends_with_what_the_last_poll_brought")


def _exchanges() -> Iterator[Row]:
    """Yield a row for all faults of one number that come out alike."""

    def alike(named: tuple[str, Fault]) -> tuple[object, ...]:
        fault = named[1]
        return fault.row, fault.error.__name__, fault.starts, fault.polls, fault.delivered

    for _, group in itertools.groupby(sorted(FAULTS.items(), key=alike), key=alike):
        names, faults = zip(*group, strict=True)
        fault: Fault = faults[0]
        error = f"`{fault.error.__name__}`"
        start = f"{error}, `maybe_delivered`" if fault.delivered else error
        todo = advice(fault.row, fault.error.__name__)
        if fault.delivered:
            todo = (
                f"{todo}; after a start, {POLL_FIRST}" if todo else f"after a start, {POLL_FIRST}"
            )
        yield Row(
            fault.row,
            ", ".join(names),
            start,
            error,
            f"{fault.starts} / {fault.polls}",
            todo or NOTHING,
            (_EXCHANGE, _SURVIVES),
        )


def _courses() -> Iterator[Row]:
    """Yield a row for all tasks of one number that come out alike."""

    def alike(number: int, error: type[AltcraftError] | None) -> tuple[int, str]:
        return number, error.__name__ if error else ""

    named = sorted((alike(one.row, one.error), name) for name, one in COURSES.items())
    for (number, error), group in itertools.groupby(named, key=lambda one: one[0]):
        outcome = f"`{error}`" if error else "a report"
        todo = advice(number, error) or NOTHING
        yield waits(number, ", ".join(name for _, name in group), outcome, todo, _COURSE)


def _quirks() -> Iterator[Row]:
    """Yield a row for all odd answers of one number."""
    named = sorted((quirk.row, name) for name, quirk in QUIRKS.items())
    for number, group in itertools.groupby(named, key=lambda one: one[0]):
        yield works(number, ", ".join(name for _, name in group), _QUIRK)


@cache
def rows() -> tuple[Row, ...]:
    """Return every row, by number."""
    found = [*SINGLE, *_exchanges(), *_courses(), *_quirks()]
    return tuple(sorted(found, key=lambda row: row.number))


def rendered() -> str:
    """Return the list as Markdown."""
    return HEAD + "".join(row.line() for row in rows())


if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + "\n" + rendered() + "\n" + END + after)
