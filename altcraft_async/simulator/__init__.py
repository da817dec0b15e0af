"""A pretend Altcraft platform to develop and test against, with no account and no network."""

from altcraft_async.simulator.app import Simulator
from altcraft_async.simulator.faults import Fault, Planned
from altcraft_async.simulator.handler import Seen
from altcraft_async.simulator.task import Target
from altcraft_async.simulator.webhooks import Sent, Webhooks

__all__ = ["Fault", "Planned", "Seen", "Sent", "Simulator", "Target", "Webhooks"]
