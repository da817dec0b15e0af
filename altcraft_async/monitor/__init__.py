"""A page to watch refreshes on: of a program, of the processes with a ledger, or of the past."""

from altcraft_async.monitor.client_monitor import Monitor
from altcraft_async.monitor.history_monitor import HistoryMonitor
from altcraft_async.monitor.ledger_monitor import LedgerMonitor

__all__ = ["HistoryMonitor", "LedgerMonitor", "Monitor"]
