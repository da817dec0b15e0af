"""Refs as words for a shell or a URL."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altcraft_async import ConfigurationError, TaskKind, TaskRef
from altcraft_async.models.task_words import read_task, task_word

IDS = st.integers(min_value=1, max_value=10**17)


@pytest.mark.parametrize(
    ("ref", "word"),
    [
        (TaskRef(task_id="7f9c"), "7f9c"),
        (TaskRef(task_id="7f9c", kind="resource", target=(24, 1)), "7f9c@resource:24:1"),
        (TaskRef(task_id="7f9c", kind="segment", target=(7, 24, 1)), "7f9c@segment:7:24:1"),
    ],
)
def test_word_has_the_id_and_the_target(ref: TaskRef, word: str) -> None:
    assert (task_word(ref), read_task(word)) == (word, ref)
    assert shlex.quote(word) == word


@given(
    st.text("aZ09-_.~@:/+=ж漢😀", min_size=1, max_size=100),
    st.one_of(
        st.tuples(st.just("resource"), st.tuples(IDS, IDS)),
        st.tuples(st.just("database"), st.tuples(IDS, IDS)),
        st.tuples(st.just("segment"), st.tuples(IDS, IDS)),
        st.tuples(st.just("segment"), st.tuples(IDS, IDS, IDS)),
    ),
)
def test_every_ref_is_read_back(
    task_id: str, kind_and_target: tuple[TaskKind, tuple[int, ...]]
) -> None:
    kind, target = kind_and_target
    ref = TaskRef(task_id=task_id, kind=kind, target=target)
    assert read_task(task_word(ref)) == ref


@pytest.mark.parametrize(
    "word", ["a@b", "@resource:24:1", "7f@resource:24", "7f@profile:1:2", "7f@resource:1:2:3"]
)
def test_other_words_are_bare_ids(word: str) -> None:
    assert read_task(word) == TaskRef(task_id=word)


def test_json_of_a_ref_is_read_too() -> None:
    ref = TaskRef(task_id="7f9c", kind="resource", target=(24, 1))
    assert read_task(ref.to_json()) == ref
    with pytest.raises(ConfigurationError, match="stored"):
        read_task("{}")
