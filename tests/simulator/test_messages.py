"""Reading of requests: method and token."""

from __future__ import annotations

import pytest

from altcraft_async.simulator.messages import method_of, read_request

START = "resources/refresh_counters"


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/api/v1.1/tasks/status", "tasks/status"),
        ("/api/v1.1/tasks/status/", "tasks/status"),
        ("/api/v1.1//tasks/status", "tasks/status"),
        ("//api/v1.1/tasks///status//", "tasks/status"),
        ("/api/./v1.1/x/../tasks/status", "tasks/status"),
        ("/api/v1.1/tasks/x/..//status/.", "tasks/status"),
        ("/api/v1%2E1/tasks%2Fstatus", "tasks/status"),
        ("/../api/v1.1/tasks/status", "/../api/v1.1/tasks/status"),
        ("/api/v1.1/Tasks/Status", "Tasks/Status"),
        ("/tasks/status", "/tasks/status"),
        ("/api/v1.0/tasks/status", "/api/v1.0/tasks/status"),
    ],
)
def test_path_below_the_prefix_names_a_method(path: str, method: str) -> None:
    assert method_of(path) == method


@pytest.mark.parametrize(
    "path",
    ["/api/v1.1/tasks/status/", "/api/v1.1//tasks/status", "/api/v1.1/tasks%2Fstatus"],
)
def test_strict_reading_of_a_path_accepts_its_documented_spelling_only(path: str) -> None:
    assert method_of("/api/v1.1/tasks/status", strict=True) == "tasks/status"
    assert method_of(path, strict=True) != "tasks/status"


def test_token_is_not_among_the_parameters() -> None:
    body = b'{"token": "secret", "id": 24, "list_id": 1}'
    assert read_request(START, body, "application/json").params == {"id": 24, "list_id": 1}
