"""Tasks as words to paste into a shell."""

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
def test_word_says_what_the_task_counts(ref: TaskRef, word: str) -> None:
    """Who comes back is told which resource the figures are of, though the platform is silent."""
    assert (task_word(ref), read_task(word)) == (word, ref)
    assert shlex.quote(word) == word


@given(
    st.text(min_size=1).filter(lambda text: not text.lstrip().startswith("{")),
    st.one_of(
        st.tuples(st.just("resource"), st.tuples(IDS, IDS)),
        st.tuples(st.just("database"), st.tuples(IDS, IDS)),
        st.tuples(st.just("segment"), st.tuples(IDS, IDS)),
        st.tuples(st.just("segment"), st.tuples(IDS, IDS, IDS)),
    ),
)
def test_every_task_is_read_back(task_id: str, counted: tuple[TaskKind, tuple[int, ...]]) -> None:
    """Whatever an id looks like, what it counts comes back with it."""
    kind, target = counted
    ref = TaskRef(task_id=task_id, kind=kind, target=target)
    assert read_task(task_word(ref)) == ref


@pytest.mark.parametrize(
    "word", ["a@b", "@resource:24:1", "7f@resource:24", "7f@profile:1:2", "7f@resource:1:2:3"]
)
def test_other_words_are_bare_ids(word: str) -> None:
    """An id is opaque: what is not of this form is taken as it is."""
    assert read_task(word) == TaskRef(task_id=word)


def test_json_of_a_ref_is_read_too() -> None:
    """What ``--json`` prints as ``task`` can be given as it is."""
    ref = TaskRef(task_id="7f9c", kind="resource", target=(24, 1))
    assert read_task(ref.to_json()) == ref
    with pytest.raises(ConfigurationError, match="stored"):
        read_task("{}")
