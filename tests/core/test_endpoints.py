"""The table of API methods."""

from __future__ import annotations

import pytest

from altcraft_async.core import endpoints
from altcraft_async.core.codecs import FORMATS, read
from altcraft_async.core.endpoints import REFRESH_RESOURCE, TASK_STATUS, Endpoint, parameters
from altcraft_async.models import Feedback

ALL: list[Endpoint[object]] = [
    getattr(endpoints, name)
    for name in endpoints.__all__
    if isinstance(getattr(endpoints, name), Endpoint)
]


@pytest.mark.parametrize("endpoint", ALL, ids=lambda endpoint: endpoint.path)
def test_method_starts_something_only_where_it_refreshes(endpoint: Endpoint[object]) -> None:
    """Every refresh_counters starts a recount and must not run twice; all else is a read."""
    assert endpoint.starts == endpoint.path.endswith("/refresh_counters")


@pytest.mark.parametrize("endpoint", ALL, ids=lambda endpoint: endpoint.path)
def test_path_is_relative_and_without_trailing_slash(endpoint: Endpoint[object]) -> None:
    """A path goes below the API root as it is."""
    assert endpoint.path == endpoint.path.strip("/")


def test_refresh_of_a_resource_sends_the_names_of_the_page() -> None:
    """For resources the profile database goes by list_id, the resource by id."""
    values = {"database_id": 1, "resource_id": 24}
    assert list(parameters(REFRESH_RESOURCE, values).items()) == [("id", 24), ("list_id", 1)]


@pytest.mark.parametrize("wire_format", FORMATS)
def test_feedback_is_sent_as_documented(wire_format: str) -> None:
    """Feedback is an object of type and url."""
    feedback = Feedback(url="http://example.com/receiver")
    sent = FORMATS[wire_format].encode(
        parameters(REFRESH_RESOURCE, {"resource_id": 24, "feedback": feedback})
    )
    assert read(sent).to(dict[str, object])["feedback"] == {
        "type": "JSON",
        "url": "http://example.com/receiver",
    }


def test_none_is_not_sent() -> None:
    """A parameter without a value stays out of the request."""
    values = {"resource_id": 24, "database_id": 1, "feedback": None}
    assert "feedback" not in parameters(REFRESH_RESOURCE, values)


def test_values_are_not_modified() -> None:
    """What was given stays as it was."""
    values: dict[str, object] = {"task_id": "x", "other": 1}
    assert parameters(TASK_STATUS, values) == {"task_id": "x"}
    assert values == {"task_id": "x", "other": 1}


def test_format_is_listed_for_a_refresh_and_not_for_a_status() -> None:
    """The page lists the format parameter for the refresh alone."""
    assert (REFRESH_RESOURCE.lists_format, TASK_STATUS.lists_format) == (True, False)
