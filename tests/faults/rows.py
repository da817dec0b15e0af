"""The list of faults for users; ``python -m tests.faults.rows`` writes it into `docs/faults.md`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from altcraft_async import AltcraftError
from tests.faults.process_rows import PROCESS_ROWS
from tests.faults.quirks import QUIRKS
from tests.faults.row import (
    CHECK_FIRST,
    FIX_REQUEST,
    NOTHING,
    Row,
    faults_test,
    waits,
    works,
)
from tests.faults.singles import SINGLE
from tests.faults.table import FAULTS, Fault
from tests.faults.tasks import COURSES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- rows -->\n", "<!-- end of rows -->\n"

HEAD = """\
| # | What goes wrong | A start | A poll, or another read | Sent | What to do |
| --- | --- | --- | --- | --- | --- |
"""

LEFT_OUT: Mapping[int, str] = {
    73: "starts that a platform acts on after the lease of the start",
    80: "checking feedback addresses from others",
}
"""Rows about things that this library does not do."""

CHECK_URL = "check `base_url` and any proxy"

ADVICE: Mapping[str, str] = {
    "AuthenticationError": "use a valid token",
    "BadRequestError": FIX_REQUEST,
    "NotFoundError": "check the ids and `base_url`",
    "PermissionDeniedError": "extend the role of the token",
    "ProtocolError": f"{CHECK_URL}; `snippet` shows the answer",
    "RateLimitedError": "set or lower `rate_limit`; `retry_after` says how long to wait",
    "TariffLimitError": "get a plan that covers it",
    "TaskFailedError": "start it again if the cause is gone",
}
"""Advice by error class; an error without advice passes by itself."""

TOO_LARGE = "raise `max_answer_bytes` if the answer is sound"
UNUSABLE = "`snippet` shows the answer; the platform has to fix it"

ADVICE_BY_ROW: Mapping[int, str] = {
    **dict.fromkeys((18, 19), ""),
    **dict.fromkeys((21, 22, 23), TOO_LARGE),
    **dict.fromkeys((24, 25, 26, 28, 30), CHECK_URL),
    **dict.fromkeys((37, 40), FIX_REQUEST),
    41: "if the redirect leads to the platform, put its address into `base_url`",
    **dict.fromkeys((53, 55, 57), UNUSABLE),
}
"""Advice by row, where the error class is not enough."""


def advice(row: int, error: str) -> str:
    """Return what the user can do about a fault, or an empty text."""
    if error in ("ApiError", "ProtocolError") and row in ADVICE_BY_ROW:
        return ADVICE_BY_ROW[row]
    return ADVICE.get(error, "")


_EXCHANGE = faults_test(
    "exchange.py::test_fault_raises_its_error_after_the_safe_number_of_requests"
)
_SURVIVES = faults_test("waiting.py::test_wait_survives_transient_failures_of_a_poll_only")
_QUIRK = faults_test("exchange.py::test_unusual_answer_is_accepted")
_COURSE = faults_test("waiting.py::test_wait_ends_with_the_outcome_of_the_last_poll")


def _exchanges() -> Iterator[Row]:
    """Yield one row for all faults with the same number and outcome."""

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
            todo = f"{todo}; after a start, {CHECK_FIRST}".removeprefix("; ")
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
    """Yield one row for all courses with the same number and outcome."""

    def alike(number: int, error: type[AltcraftError] | None) -> tuple[int, str]:
        return number, error.__name__ if error else ""

    named = sorted((alike(one.row, one.error), name) for name, one in COURSES.items())
    for (number, error), group in itertools.groupby(named, key=lambda one: one[0]):
        outcome = f"`{error}`" if error else "a report"
        todo = advice(number, error) or NOTHING
        yield waits(number, ", ".join(name for _, name in group), outcome, todo, _COURSE)


def _quirks() -> Iterator[Row]:
    """Yield one row for all quirks with the same number."""
    named = sorted((quirk.row, name) for name, quirk in QUIRKS.items())
    for number, group in itertools.groupby(named, key=lambda one: one[0]):
        yield works(number, ", ".join(name for _, name in group), _QUIRK)


@cache
def rows() -> tuple[Row, ...]:
    """Return all rows, sorted by number."""
    found = [*SINGLE, *PROCESS_ROWS, *_exchanges(), *_courses(), *_quirks()]
    return tuple(sorted(found, key=lambda row: row.number))


def rendered() -> str:
    """Return the list as Markdown."""
    return HEAD + "".join(row.line() for row in rows())


if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + "\n" + rendered() + "\n" + END + after)
