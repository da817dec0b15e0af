"""The models: frozen, and picklable."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import msgspec
import pytest

from altcraft_async.errors import TransportError
from altcraft_async.models import (
    Completed,
    CounterGroup,
    CountersReport,
    Failed,
    Feedback,
    ResourceTarget,
    SubscriptionCounters,
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

NORTH = AccessGroup(id=2, name="north")
EMAIL = SubscriptionCounters(all=10, subscribed=8)
GROUP = CounterGroup(database_id=1, channels={"email": EMAIL, "sms": SubscriptionCounters()})
REPORT = CountersReport((GROUP,))
REF = TaskRef(
    task_id="task_1",
    kind="resource",
    target=(24, 1),
    started_at=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
)


@pytest.mark.parametrize(
    "value",
    [
        Feedback(url="https://example.com/receiver"),
        EMAIL,
        GROUP,
        REPORT,
        TaskStatus(status="running", progress=5, raw={"a": [1]}),
        REF,
        Completed(target=ResourceTarget(24, 1), ref=REF, value=REPORT, polls=3, seconds=1.5),
        Failed(target="anything", ref=None, error=TransportError("reset", maybe_delivered=True)),
        NORTH,
        Resource(id=1, name="Shop", groups=(NORTH,)),
        ResourceDetails(id=1, channels=("email",), database_ids=(1, 2)),
        Database(id=1, tags=("own",), groups=(NORTH,)),
        DatabaseDetails(id=1, suppression_list_id=7),
        Segment(id=1, tags=("own",), groups=(NORTH,)),
        SegmentDetails(id=1, count=12, rules=({"limit": 5},)),
        SubscriptionField(name="_os", dictionary="oses"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_is_frozen_and_survives_pickling(value: msgspec.Struct) -> None:
    with pytest.raises(AttributeError):
        setattr(value, value.__struct_fields__[0], None)
    again: object = pickle.loads(pickle.dumps(value))  # noqa: S301 -- pickled right here
    if isinstance(again, Failed):
        assert isinstance(again.error, TransportError)
        assert (again.target, again.error.maybe_delivered) == ("anything", True)
        return
    assert again == value
