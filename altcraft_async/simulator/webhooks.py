"""The calls that a start asks for by its ``feedback``: which, when and how often. No I/O.

The vendor documents the request and nothing of the call. That it is one POST
of JSON, that it says what ``tasks/status`` says, and that it comes when the
task is over, whether it went well or not, is the simulator's own choice.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from altcraft_async.simulator import codec, payloads
from altcraft_async.simulator.messages import Answer, Call
from altcraft_async.simulator.parameters import Parameters
from altcraft_async.simulator.randomness import Duration, check_duration, draw_duration
from altcraft_async.simulator.world import TaskState


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What happens to the calls; the seed of the simulator repeats it.

    Attributes:
        lost: Share of the calls that are never made, 0 to 1.
        repeats: How often each is made once more.
        delay: Seconds after the end of the task, or a range, or a drawing of
            your own. Each repeat draws anew.
        early: Whether a call comes with the answer to the start, too, as from
            a platform whose tasks are over at once.
    """

    lost: float = 0.0
    repeats: int = 0
    delay: Duration = 0.0
    early: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: It says what.
        """
        check_duration(self.delay)
        if not (0 <= self.lost <= 1 and self.repeats >= 0):
            msg = f"lost has to be from 0 to 1 and repeats at least 0, not {self}"
            raise ValueError(msg)

    def draw(self, rng: random.Random) -> tuple[float, ...]:
        """Draw after how many seconds each call is made; none of those that are lost."""
        delays = [draw_duration(self.delay, rng) for _ in range(1 + self.repeats)]
        return tuple(sorted(delay for delay in delays if rng.random() >= self.lost))


class Webhook(NamedTuple):
    """An address that wants to hear of a task."""

    task_id: str
    url: str


@dataclass(frozen=True, slots=True)
class Sent:
    """One call in the transcript.

    Attributes:
        task_id: What it was about.
        url: Where it went.
        at: What the event loop's clock said when it was over.
        status: HTTP status of the answer, ``None`` where none came.
    """

    task_id: str
    url: str
    at: float
    status: int | None


def wanted(call: Call, answer: Answer) -> Webhook | None:
    """Return what a start asks for; nothing unless the address is on this machine."""
    data = answer.envelope.get("data")
    fields = Parameters(call.params, call.form).fields("feedback") if answer.code == 0 else None
    if not (isinstance(data, Mapping) and fields):
        return None
    url = fields.text("url")
    task_id = cast("Mapping[str, object]", data)["task_id"]
    return Webhook(str(task_id), url) if is_here(url) else None


def is_here(url: str) -> bool:
    """Say whether an address is on this machine: a pretend platform calls nobody else."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and (
            host == "localhost" or ip_address(host).is_loopback
        )
    except ValueError:
        return False


def payload(poll: TaskState) -> bytes:
    """Write what the call says."""
    return codec.write(payloads.accepted(payloads.task_status(poll)), "json")
