"""A pretend Altcraft platform to develop and test against, with no account and no network."""

from altcraft_async.simulator.clock import PretendClock
from altcraft_async.simulator.faults import Fault, Planned
from altcraft_async.simulator.handler import ReceivedRequest
from altcraft_async.simulator.server import Simulator
from altcraft_async.simulator.task import Target
from altcraft_async.simulator.thread import ThreadedSimulator
from altcraft_async.simulator.webhooks import Sent, Webhooks

__all__ = [
    "Fault",
    "Planned",
    "PretendClock",
    "ReceivedRequest",
    "Sent",
    "Simulator",
    "Target",
    "ThreadedSimulator",
    "Webhooks",
]
