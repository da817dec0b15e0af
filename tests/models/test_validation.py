"""Arguments, checked before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Collection
from operator import index
from typing import Any

import pytest

from altcraft_async.errors import ConfigurationError
from altcraft_async.models.validation import (
    checked_choice,
    checked_function,
    checked_id,
    checked_ids,
    checked_key,
    checked_kind,
    checked_limit,
    checked_names,
    checked_number,
    checked_positive,
    checked_seconds,
    checked_share,
    checked_target,
    checked_text,
    checked_words,
)


class Index:
    """A whole number of another library."""

    def __index__(self) -> int:
        """Be the number 24."""
        return 24


@pytest.mark.parametrize(
    ("value", "number"), [(1, 1), (24, 24), (Index(), 24), (2**63 - 1, 2**63 - 1)]
)
def test_positive_whole_number_is_an_id(value: Any, number: int) -> None:  # noqa: ANN401 -- misuse is the point
    assert checked_id("resource_id", value) == number


@pytest.mark.parametrize("value", [0, -1, 2**63, True, False, 1.0, "24", None])
def test_anything_else_is_refused_as_an_id(value: Any) -> None:  # noqa: ANN401 -- misuse is the point
    with pytest.raises(ConfigurationError, match=r"^resource_id: has to be a positive"):
        checked_id("resource_id", value)


def test_id_of_thousands_of_digits_is_refused_as_any_other() -> None:
    with pytest.raises(ConfigurationError, match=r"^resource_id: "):
        checked_id("resource_id", 10**5000)


@pytest.mark.parametrize("target", [(24, 1), [24, 1], (Index(), 1)])
def test_target_of_the_right_length_is_a_tuple_of_ids(target: object) -> None:
    assert checked_target(target, "resource_id", "database_id") == (24, 1)


@pytest.mark.parametrize("target", [(24,), (24, 1, 2), (), 24, None, "24", {24: 1, 1: 2}])
def test_target_of_another_shape_is_refused_with_the_names_it_takes(target: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^targets: have to be \(resource_id, dat"):
        checked_target(target, "resource_id", "database_id")


def test_target_with_a_wrong_id_is_refused_by_the_name_of_the_id() -> None:
    with pytest.raises(ConfigurationError, match=r"^database_id: "):
        checked_target((24, 0), "resource_id", "database_id")


@pytest.mark.parametrize("target", [(5, 24), [5, 24, 1], (Index(), 24, 1)])
def test_target_may_lack_the_optional_id(target: list[int]) -> None:
    names = ("segment_id", "resource_id", "database_id")
    assert checked_target(target, *names, least=2) == tuple(map(index, target))


@pytest.mark.parametrize("target", [(5,), (5, 24, 1, 1), None])
def test_target_of_another_length_is_refused_with_both_shapes(target: object) -> None:
    expected = r"be \(segment_id, resource_id\) or \(segment_id, resource_id, database_id\) each"
    with pytest.raises(ConfigurationError, match=expected):
        checked_target(target, "segment_id", "resource_id", "database_id", least=2)


@pytest.mark.parametrize("values", [["north"], ("north", "branch 2"), {"Север"}, ["a\u200db"]])
def test_collection_of_texts_is_taken_as_it_is(values: Collection[str]) -> None:
    assert checked_words("groups", values) == list(values)


@pytest.mark.parametrize(
    "values",
    ["north", b"north", [], (), {}, {"north": 1}, 5, None, [5], [""], ["a", None]]
    + [[f"a{letter}"] for letter in "\x00\n\x85\ud800\ufffe"],
)
def test_anything_but_a_collection_of_texts_is_refused(values: object) -> None:
    """One text is no collection, and an empty collection is no filter."""
    with pytest.raises(ConfigurationError, match=r"^groups: has to be a collection of"):
        checked_words("groups", values)


def test_collection_of_ids_is_returned_as_a_list() -> None:
    assert checked_ids("groups_id", (1, Index())) == [1, 24]


@pytest.mark.parametrize("values", [[0], [1, True], ["1"], [], 1, "12", {1: 2}, None])
def test_anything_but_a_collection_of_ids_is_refused(values: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^groups_id: has to be a"):
        checked_ids("groups_id", values)


def test_only_a_function_or_none_is_taken() -> None:
    checked_function("only", None)
    checked_function("only", bool)
    with pytest.raises(ConfigurationError, match=r"^only: has to be a function, not 'name'"):
        checked_function("only", "name")


def test_text_without_spaces_is_taken() -> None:
    assert checked_text("task_id", "task_1-ж") == "task_1-ж"


@pytest.mark.parametrize("value", ["", None, 5, b"x", "a b", "a\tb", "a\r\nX-Evil: 1", "\u202e"])
def test_text_that_cannot_be_sent_is_refused_without_being_quoted(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^task_id: has to be") as refused:
        checked_text("task_id", value)
    assert "Evil" not in str(refused.value)


@pytest.mark.parametrize(("value", "seconds"), [(0, 0.0), (0.5, 0.5), (30, 30.0)])
def test_number_of_seconds_is_a_float(value: float, seconds: float) -> None:
    checked = checked_seconds("timeout", value)
    assert (checked, type(checked)) == (seconds, float)


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, -math.inf, "5", None])
def test_invalid_number_of_seconds_is_refused(value: Any) -> None:  # noqa: ANN401 -- misuse is the point
    with pytest.raises(ConfigurationError, match=r"^timeout: has to be a number of seconds"):
        checked_seconds("timeout", value)


def test_seconds_below_the_least_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"from 0\.1 on, not 0\.05"):
        checked_seconds("timeout", 0.05, least=0.1)


def test_seconds_beyond_every_float_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^timeout: "):
        checked_seconds("timeout", 10**400)


@pytest.mark.parametrize("value", ["xml", "json"])
def test_word_among_the_choices_is_taken(value: str) -> None:
    checked_choice("format", value, "json", "xml")


@pytest.mark.parametrize("value", ["yaml", "", None, ["json"], 5])
def test_word_that_is_no_choice_is_refused_with_the_choices(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^format: has to be 'json' or 'xml'"):
        checked_choice("format", value, "json", "xml")


def test_value_of_a_subclass_is_taken() -> None:
    checked_kind("retry", True, int)  # noqa: FBT003 -- a bool is an int


def test_value_of_another_type_is_refused_with_both_types() -> None:
    with pytest.raises(ConfigurationError, match=r"^retry: has to be int, not str$"):
        checked_kind("retry", "secret", int)


@pytest.mark.parametrize("names", [["Failed ", "ERROR"], ("failed", "error"), {"failed", "error"}])
def test_names_are_taken_in_any_case(names: object) -> None:
    assert checked_names("failure_statuses", names) == {"failed", "error"}


@pytest.mark.parametrize("names", ["failed", b"failed", None, 5, ["failed", 5]])
def test_anything_but_a_collection_of_names_is_refused(names: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^failure_statuses:"):
        checked_names("failure_statuses", names)


@pytest.mark.parametrize(("value", "number"), [(0, 0), (5, 5), (math.inf, math.inf)])
def test_number_from_zero_to_infinity_is_taken(value: float, number: float) -> None:
    assert checked_number("seconds", value) == number


@pytest.mark.parametrize("value", [-1, math.nan, "5", None])
def test_negative_number_or_another_type_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^seconds:"):
        checked_number("seconds", value)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, "5", None])
def test_share_outside_0_to_1_is_refused(value: object) -> None:
    assert checked_share("jitter", 0.5) == 0.5
    with pytest.raises(ConfigurationError, match=r"^jitter: has to be between 0 and 1"):
        checked_share("jitter", value)


@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan, "5", None])
def test_number_that_is_not_positive_and_finite_is_refused(value: object) -> None:
    assert checked_positive("rate_limit", 20) == 20
    with pytest.raises(ConfigurationError, match=r"^rate_limit: has to be a positive number"):
        checked_positive("rate_limit", value)


def test_limit_is_a_number_of_seconds_or_none() -> None:
    assert checked_limit("timeout", None) is None
    assert checked_limit("timeout", 5) == 5.0
    with pytest.raises(ConfigurationError, match=r"^timeout: "):
        checked_limit("timeout", -1)


class Ids(list[int]):
    """A collection whose truth is an error, as that of a numpy array is."""

    def __bool__(self) -> bool:
        """Refuse."""
        msg = "ambiguous"
        raise ValueError(msg)


def test_collection_whose_truth_is_an_error_is_taken() -> None:
    assert checked_ids("groups_id", Ids([1, 2])) == [1, 2]


@pytest.mark.parametrize("key", ["a", "nightly 2026-11-25", "«é» 🌙", "k" * 200])
def test_idempotency_key_is_any_printable_text_or_none(key: str) -> None:
    assert checked_key("idempotency_key", key) == key
    assert checked_key("idempotency_key", None) == ""


@pytest.mark.parametrize("key", ["", "k" * 201, "two\nlines", "\ud800", b"a", 5, True])
def test_invalid_idempotency_key_is_refused(key: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^idempotency_key: has to be a text of 1 to 200"):
        checked_key("idempotency_key", key)
