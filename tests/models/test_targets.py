"""What the ids of a target are called."""

from __future__ import annotations

import pytest

from altcraft_async.models import TaskKind
from altcraft_async.models.targets import ids_of


@pytest.mark.parametrize(
    ("kind", "target", "ids"),
    [
        ("resource", (24, 1), {"resource_id": 24, "database_id": 1}),
        ("database", (1, 24), {"resource_id": 24, "database_id": 1}),
        ("segment", (5, 24), {"segment_id": 5, "resource_id": 24}),
        ("segment", (5, 24, 1), {"segment_id": 5, "resource_id": 24, "database_id": 1}),
    ],
)
def test_ids_of_a_target_have_their_names(
    kind: TaskKind, target: tuple[int, ...], ids: dict[str, int]
) -> None:
    assert ids_of(kind, target) == ids
