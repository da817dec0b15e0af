"""The frozen values that callers send and receive."""

from altcraft_async.models.catalogue import (
    AccessGroup,
    Database,
    DatabaseDetails,
    Resource,
    ResourceDetails,
    Segment,
    SegmentDetails,
    SubscriptionField,
)
from altcraft_async.models.counters import CounterGroup, CountersReport, SubscriptionCounters
from altcraft_async.models.ledger_entry import LedgerEntry
from altcraft_async.models.outcomes import Completed, Failed
from altcraft_async.models.tasks import Feedback, TaskKind, TaskRef, TaskStatus

__all__ = [
    "AccessGroup",
    "Completed",
    "CounterGroup",
    "CountersReport",
    "Database",
    "DatabaseDetails",
    "Failed",
    "Feedback",
    "LedgerEntry",
    "Resource",
    "ResourceDetails",
    "Segment",
    "SegmentDetails",
    "SubscriptionCounters",
    "SubscriptionField",
    "TaskKind",
    "TaskRef",
    "TaskStatus",
]
