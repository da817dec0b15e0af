"""Runs a sender against a server in simulated time."""

from __future__ import annotations

import heapq
from collections import deque
from typing import NamedTuple

from benchmarks.throttling.senders import Sender
from benchmarks.throttling.servers import Server

__all__ = ["Outcome", "run"]

LATENCY = 0.03
"""Seconds from sending to the answer: 32 slots then carry 1,067 requests a second."""

SLOTS = 32
"""Requests under way at once."""

REQUESTS = 100
"""Requests that are tried at the same time; one that backs off holds no slot."""

SECONDS = 120.0
SETTLED = 20.0
"""Seconds after which refusals count as those of the long run."""


class Outcome(NamedTuple):
    """What came of a run.

    Attributes:
        goodput: Accepted requests, as a share of what an oracle would have had accepted.
        refused: Share of the requests that were refused in the long run.
        longest: Seconds that the slowest request took until it was accepted.
    """

    goodput: float
    refused: float
    longest: float


def run(sender: Sender, server: Server) -> Outcome:
    """Keep `REQUESTS` requests going until the time is over."""
    # Time, number, whether an answer arrives, attempt, since when this request is tried.
    events = [(0.0, number, False, 0, 0.0) for number in range(REQUESTS)]
    queue: deque[tuple[int, int, float]] = deque()
    accepted = late = late_refused = under_way = 0
    longest = 0.0
    verdicts: dict[int, bool] = {}
    now = 0.0
    while now <= SECONDS:
        now, number, is_answer, attempt, since = heapq.heappop(events)
        if not is_answer:
            queue.append((number, attempt, since))
        else:
            under_way -= 1
            is_accepted = verdicts[number]
            accepted += is_accepted
            late += now > SETTLED
            late_refused += now > SETTLED and not is_accepted
            pause = sender.answered(now, number, accepted=is_accepted, attempt=attempt)
            longest = max(longest, now - since)
            attempt, since = (0, now + pause) if is_accepted else (attempt + 1, since)
            heapq.heappush(events, (now + pause, number, False, attempt, since))
        while queue and under_way < SLOTS:
            number, attempt, since = queue.popleft()
            if delay := sender.delay(now):
                heapq.heappush(events, (now + delay, number, False, attempt, since))
                break
            sender.sent(now)
            under_way += 1
            verdicts[number] = server.accepts(now + LATENCY / 2, number)
            heapq.heappush(events, (now + LATENCY, number, True, attempt, since))
    possible = server.oracle(SLOTS / LATENCY) * SECONDS
    return Outcome(accepted / possible, late_refused / max(late, 1), longest)
