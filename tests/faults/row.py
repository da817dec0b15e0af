"""One row of the list of faults, and short ways to make one."""

from __future__ import annotations

from typing import NamedTuple

CHECK_FIRST = "[check before you start again](#after-maybe_delivered)"
NOTHING = "nothing"
FIX_REQUEST = "fix what the text says"
WORKS = "works"
NOT_DELIVERED = "`TransportError`, not delivered"


class Row(NamedTuple):
    """One row of the list.

    Attributes:
        number: Number of the fault.
        wrong: What goes wrong.
        start: What a start returns or raises.
        poll: What a poll or another read returns or raises.
        sent: Number of requests, for a start and for a poll.
        todo: What the user can do.
        proofs: Tests of this row, by pytest's names.
    """

    number: int
    wrong: str
    start: str
    poll: str
    sent: str
    todo: str
    proofs: tuple[str, ...]

    def line(self) -> str:
        """Return the row as a line of a Markdown table."""
        return f"| {' | '.join(map(str, self[:6]))} |\n"


def both(number: int, wrong: str, sees: str, sent: str, todo: str, *proofs: str) -> Row:
    """Return a row with the same outcome for a start and a poll."""
    return Row(number, wrong, sees, sees, sent, todo, proofs)


def works(number: int, wrong: str, *proofs: str, sent: str = "1 / 1") -> Row:
    """Return a row without effect on the caller."""
    return both(number, wrong, WORKS, sent, NOTHING, *proofs)


def waits(number: int, wrong: str, poll: str, todo: str, *proofs: str) -> Row:
    """Return a row about a started task."""
    return Row(number, wrong, "—", poll, "—", todo, proofs)


def faults_test(name: str) -> str:
    """Name a test in this folder."""
    return f"tests/faults/test_{name}"


def fleet_test(name: str) -> str:
    """Name a test of several workers."""
    return f"tests/fleet/test_fleet.py::test_{name}"


def ledger_test(name: str) -> str:
    """Name a test of starts with a ledger."""
    return f"tests/starts/test_{name}"


def feedback_test(name: str) -> str:
    """Name a test of the platform's feedback calls."""
    return f"tests/integrations/test_feedback.py::test_{name}"


def cancellation_test(name: str) -> str:
    """Name a test of cancelled calls."""
    return f"tests/tasks/test_cancellation.py::test_{name}"


def outage_test(name: str) -> str:
    """Name a test of outages or throttles."""
    return f"tests/transport/test_{name}"


def sender_test(name: str) -> str:
    """Name a test of sending one request."""
    return f"tests/transport/test_sender.py::test_{name}"


def keepalive_test(name: str) -> str:
    """Name a test of kept connections."""
    return f"tests/transport/test_keepalive.py::test_{name}"


def terminal_test(name: str) -> str:
    """Name a test of ``altcraft refresh`` in a terminal."""
    return f"tests/cli/commands/test_refresh.py::test_{name}"
