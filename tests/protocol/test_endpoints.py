"""The table of API methods."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from altcraft_async.models import Feedback
from altcraft_async.protocol import endpoints
from altcraft_async.protocol.codecs import FORMATS, read
from altcraft_async.protocol.endpoints import (
    DATABASE_COUNTERS,
    REFRESH_RESOURCE,
    REFRESH_SEGMENT,
    RESOURCE_COUNTERS,
    SEGMENT_COUNTERS,
    TASK_STATUS,
    Endpoint,
    counters_by_kind,
    parameters,
    renamed,
)

ALL: list[Endpoint[object]] = [
    getattr(endpoints, name)
    for name in endpoints.__all__
    if isinstance(getattr(endpoints, name), Endpoint)
]


@pytest.mark.parametrize("endpoint", ALL, ids=lambda endpoint: endpoint.path)
def test_only_refresh_counters_starts_a_task(endpoint: Endpoint[object]) -> None:
    assert endpoint.starts == endpoint.path.endswith("/refresh_counters")


@pytest.mark.parametrize("endpoint", ALL, ids=lambda endpoint: endpoint.path)
def test_path_is_relative_and_without_trailing_slash(endpoint: Endpoint[object]) -> None:
    assert endpoint.path == endpoint.path.strip("/")


def test_refresh_of_a_resource_sends_the_names_of_the_page() -> None:
    values = {"database_id": 1, "resource_id": 24}
    assert list(parameters(REFRESH_RESOURCE, values).items()) == [("id", 24), ("list_id", 1)]


@pytest.mark.parametrize("wire_format", FORMATS)
def test_feedback_is_sent_as_documented(wire_format: str) -> None:
    feedback = Feedback(url="http://example.com/receiver")
    sent = FORMATS[wire_format].encode(
        parameters(REFRESH_RESOURCE, {"resource_id": 24, "feedback": feedback})
    )
    assert read(sent).to(dict[str, object])["feedback"] == {
        "type": "JSON",
        "url": "http://example.com/receiver",
    }


def test_none_is_not_sent() -> None:
    values = {"resource_id": 24, "database_id": 1, "feedback": None}
    assert "feedback" not in parameters(REFRESH_RESOURCE, values)


def test_values_are_not_modified() -> None:
    values: dict[str, object] = {"task_id": "x", "other": 1}
    assert parameters(TASK_STATUS, values) == {"task_id": "x"}
    assert values == {"task_id": "x", "other": 1}


VALUES: dict[str, object] = {
    "from_id": 1,
    "limit": 1000,
    "tags": ["own", "test"],
    "groups": ["branch", "north"],
    "channel": "push",
    "task_id": "c9c3ec48-1bef-4969-9c1a-df39f0c179bb",
}


@pytest.mark.parametrize(
    "endpoint", [one for one in ALL if one is not RESOURCE_COUNTERS], ids=lambda one: one.path
)
@pytest.mark.parametrize("suffix", ["json", "xml"])
def test_request_has_the_parameters_of_the_page(
    endpoint: Endpoint[object], suffix: str, sample: Callable[[str], bytes]
) -> None:
    ids = {"resource": 24, "database": 1, "segment": 5}
    values = {
        **VALUES,
        **{f"{name}_id": number for name, number in ids.items()},
        "groups_id": [1] if endpoint.path.startswith("resources/") else [1, 2],
        "feedback": Feedback(url="http://example.com/receiver"),
    }
    documented = read(sample(f"{endpoint.path.replace('/', '_')}.request.{suffix}")).to(
        dict[str, object]
    )
    assert ("format" in documented) == endpoint.lists_format
    documented.pop("format", None)
    sent = {"token": "abcdefghijklmnqrstuvwxyz", **parameters(endpoint, values)}
    assert read(FORMATS[suffix].encode(sent)).to(dict[str, object]) == documented


def test_database_of_a_segment_has_the_name_of_each_page() -> None:
    """Either name can be chosen for both pages."""
    values = {"segment_id": 5, "resource_id": 24, "database_id": 1}
    common = {"id": 5, "resource_id": 24}
    assert parameters(REFRESH_SEGMENT, values) == {**common, "db_id": 1}
    assert parameters(SEGMENT_COUNTERS, values) == {**common, "list_id": 1}
    assert renamed(SEGMENT_COUNTERS, "database_id", None) is SEGMENT_COUNTERS
    chosen = renamed(SEGMENT_COUNTERS, "database_id", "db_id")
    assert parameters(chosen, values) == {**common, "db_id": 1}
    assert (chosen.path, chosen.read) == (SEGMENT_COUNTERS.path, SEGMENT_COUNTERS.read)


def test_counters_of_every_kind_are_read_by_documented_methods() -> None:
    """Those of a resource by the method of databases, with the same two ids."""
    by_kind = counters_by_kind("db_id")
    assert by_kind["resource"] is by_kind["database"]
    assert by_kind["database"].path == DATABASE_COUNTERS.path
    assert by_kind["database"].names == DATABASE_COUNTERS.names
    assert by_kind["segment"].path == SEGMENT_COUNTERS.path
    assert by_kind["segment"].names == renamed(SEGMENT_COUNTERS, "database_id", "db_id").names
