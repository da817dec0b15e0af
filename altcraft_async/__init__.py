"""Asyncio client for the statistics API of the Altcraft marketing platform.

```python
async with AltcraftClient.from_env() as client:
    report = await client.resources.refresh(24, database_id=1)
    print(report["email"].subscribed)
```

`AltcraftClient` starts tasks, `TaskHandle` waits for them, and every error is
an `AltcraftError`.
"""

from altcraft_async.api.pages import Pages
from altcraft_async.client import AltcraftClient, ClientOptions
from altcraft_async.errors import (
    AltcraftError,
    ApiError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    HistoryError,
    LedgerError,
    NotFoundError,
    PermissionDeniedError,
    PlatformUnavailableError,
    PollingError,
    ProtocolError,
    RateLimitedError,
    RequestTimeoutError,
    ServerError,
    StartUnknownError,
    TariffLimitError,
    TaskError,
    TaskFailedError,
    TaskLostError,
    TaskStalledError,
    TransportError,
    WaitError,
    WaitTimeoutError,
)
from altcraft_async.models import (
    Completed,
    CounterGroup,
    CounterRow,
    CountersReport,
    DatabaseTarget,
    Failed,
    Feedback,
    LedgerEntry,
    ResourceTarget,
    SegmentTarget,
    SubscriptionCounters,
    TaskKind,
    TaskRef,
    TaskStatus,
)
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
from altcraft_async.observer import ObservedTask, Observer, PollEvent
from altcraft_async.policies.adaptive import Adaptive
from altcraft_async.policies.base import (
    Constant,
    Exponential,
    FinishedTask,
    Learner,
    PollPolicy,
    PollState,
)
from altcraft_async.policies.tenacity_wait import TenacityWait
from altcraft_async.starts.ledger import TaskLedger
from altcraft_async.starts.sqlite import SQLiteLedger
from altcraft_async.tasks.as_completed import as_completed
from altcraft_async.tasks.handle import TaskHandle
from altcraft_async.tasks.poll_state import Patience
from altcraft_async.transport.clock import Clock
from altcraft_async.transport.outage_status import OutageStatus
from altcraft_async.transport.retry import Retry

__all__ = [
    "AccessGroup",
    "Adaptive",
    "AltcraftClient",
    "AltcraftError",
    "ApiError",
    "AuthenticationError",
    "BadRequestError",
    "ClientClosedError",
    "ClientOptions",
    "Clock",
    "Completed",
    "ConfigurationError",
    "Constant",
    "CounterGroup",
    "CounterRow",
    "CountersReport",
    "Database",
    "DatabaseDetails",
    "DatabaseTarget",
    "Exponential",
    "Failed",
    "Feedback",
    "FinishedTask",
    "HistoryError",
    "Learner",
    "LedgerEntry",
    "LedgerError",
    "NotFoundError",
    "ObservedTask",
    "Observer",
    "OutageStatus",
    "Pages",
    "Patience",
    "PermissionDeniedError",
    "PlatformUnavailableError",
    "PollEvent",
    "PollPolicy",
    "PollState",
    "PollingError",
    "ProtocolError",
    "RateLimitedError",
    "RequestTimeoutError",
    "Resource",
    "ResourceDetails",
    "ResourceTarget",
    "Retry",
    "SQLiteLedger",
    "Segment",
    "SegmentDetails",
    "SegmentTarget",
    "ServerError",
    "StartUnknownError",
    "SubscriptionCounters",
    "SubscriptionField",
    "TariffLimitError",
    "TaskError",
    "TaskFailedError",
    "TaskHandle",
    "TaskKind",
    "TaskLedger",
    "TaskLostError",
    "TaskRef",
    "TaskStalledError",
    "TaskStatus",
    "TenacityWait",
    "TransportError",
    "WaitError",
    "WaitTimeoutError",
    "as_completed",
]
