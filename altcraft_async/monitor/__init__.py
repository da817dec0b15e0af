"""A page to watch refreshes on: of the clients of a program, or of the processes with a ledger."""

from altcraft_async.monitor.client_monitor import Monitor
from altcraft_async.monitor.ledger_monitor import LedgerMonitor

__all__ = ["LedgerMonitor", "Monitor"]
