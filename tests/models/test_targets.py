"""Targets with named ids."""

from __future__ import annotations

import copy
import pickle

import msgspec
import pytest

from altcraft_async import DatabaseTarget, ResourceTarget, SegmentTarget, TaskKind, TaskRef
from altcraft_async.models.targets import TARGET_IDS, Target, ids_of, named_target, target_words

TARGETS: list[tuple[TaskKind, Target, tuple[int, ...]]] = [
    ("resource", ResourceTarget(24, 1), (24, 1)),
    ("database", DatabaseTarget(1, 24), (1, 24)),
    ("segment", SegmentTarget(7, 24), (7, 24)),
    ("segment", SegmentTarget(7, 24, 1), (7, 24, 1)),
]


@pytest.mark.parametrize(("kind", "target", "plain"), TARGETS)
def test_target_is_a_tuple_with_named_ids(
    kind: TaskKind, target: Target, plain: tuple[int, ...]
) -> None:
    assert target == plain
    assert hash(target) == hash(plain)
    assert target.resource_id == 24
    assert target.database_id == (1 if 1 in plain else None)
    assert eval(repr(target)) == target  # noqa: S307 -- our own repr
    assert msgspec.json.encode(target) == msgspec.json.encode(plain)
    for again in (copy.deepcopy(target), pickle.loads(pickle.dumps(target))):  # noqa: S301 -- own
        assert (type(again), again) == (type(target), target)
    ids = {"segment_id": 7, "resource_id": 24, "database_id": 1}
    assert ids_of(kind, plain) == {name: ids[name] for name in TARGET_IDS[kind][: len(plain)]}
    named = named_target(kind, plain)
    assert (type(named), named) == (type(target), target)


def test_segment_target_names_its_segment() -> None:
    assert SegmentTarget(7, 24).segment_id == 7


@pytest.mark.parametrize(("kind", "target", "plain"), TARGETS)
def test_ref_names_the_ids_of_its_target_also_when_it_was_stored(
    kind: TaskKind, target: Target, plain: tuple[int, ...]
) -> None:
    ref = TaskRef(task_id="t", kind=kind, target=plain)
    for one in (ref, TaskRef.from_json(ref.to_json()), pickle.loads(pickle.dumps(ref))):  # noqa: S301 -- own
        assert (type(one.target), one.target) == (type(target), target)


@pytest.mark.parametrize(
    ("kind", "ids"),
    [("unknown", (24, 1)), ("resource", (24,)), ("database", (1, 2, 3)), ("segment", (7,))],
)
def test_ref_keeps_ids_that_do_not_fit_its_kind(kind: TaskKind, ids: tuple[int, ...]) -> None:
    """A later version may store more of them."""
    assert TaskRef(task_id="t", kind=kind, target=ids).target == ids


@pytest.mark.parametrize(
    ("kind", "target", "words"),
    [
        ("resource", (24, 1), "resource 24, database 1"),
        ("database", (1, 24), "database 1, resource 24"),
        ("segment", (7, 24), "segment 7, resource 24"),
        ("segment", (7, 24, 1), "segment 7, resource 24, database 1"),
        ("unknown", (24, 1), "unknown 24, 1"),
    ],
)
def test_words_name_each_id(kind: TaskKind, target: tuple[int, ...], words: str) -> None:
    assert target_words(kind, target) == words
