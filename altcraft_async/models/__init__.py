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
from altcraft_async.models.counter_row import CounterRow
from altcraft_async.models.counters import CounterGroup, CountersReport, SubscriptionCounters
from altcraft_async.models.ledger_entry import LedgerEntry
from altcraft_async.models.outcomes import Completed, Failed
from altcraft_async.models.targets import (
    DatabaseTarget,
    ResourceTarget,
    SegmentTarget,
    Target,
    TaskKind,
)
from altcraft_async.models.tasks import Feedback, TaskRef, TaskStatus

__all__ = [
    "AccessGroup",
    "Completed",
    "CounterGroup",
    "CounterRow",
    "CountersReport",
    "Database",
    "DatabaseDetails",
    "DatabaseTarget",
    "Failed",
    "Feedback",
    "LedgerEntry",
    "Resource",
    "ResourceDetails",
    "ResourceTarget",
    "Segment",
    "SegmentDetails",
    "SegmentTarget",
    "SubscriptionCounters",
    "SubscriptionField",
    "Target",
    "TaskKind",
    "TaskRef",
    "TaskStatus",
]
