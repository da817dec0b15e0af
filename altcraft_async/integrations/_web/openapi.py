"""What an OpenAPI document says of the responses and routes of a web app.

The schemas come from the values that are sent, so they cannot differ from them.

Nothing here does I/O or imports a web framework.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

import msgspec

from altcraft_async.integrations._web.responses import ErrorView, TaskView, errors_by_status

__all__ = ["RESPONSES", "add_routes"]

Json: TypeAlias = dict[str, Any]

_REF = "#/components/schemas/Altcraft{name}"
_START_ONLY = "409"


def _schemas() -> dict[str, Json]:
    """Return the components, named so that they collide with no model of the app."""
    _, components = msgspec.json.schema_components((TaskView, ErrorView), ref_template=_REF)
    for name, schema in components.items():
        schema["title"] = f"Altcraft{name}"
        schema["description"] = schema.get("description", "").partition("\n")[0]
    return {f"Altcraft{name}": schema for name, schema in components.items()}


def _response(description: str, schema: str, headers: Mapping[str, str] | None = None) -> Json:
    body = {"application/json": {"schema": {"$ref": _REF.format(name=schema)}}}
    response: Json = {"description": description, "content": body}
    if headers:
        response["headers"] = {
            name: {"description": text, "schema": {"type": _HEADER_TYPES[name]}}
            for name, text in headers.items()
        }
    return response


_HEADER_TYPES = {"Location": "string", "Retry-After": "integer"}
_LATER = "Seconds after which to ask again."


def _error_response(status: int, codes: Mapping[str, str]) -> Json:
    lines = "\n".join(f"- `{code}`: {message}" for code, message in codes.items())
    text = f"{HTTPStatus(status).phrase}:\n\n{lines}"
    # The header is missing where another attempt could start a second refresh.
    headers = {"Retry-After": _LATER} if status in {502, 503, 504} else None
    return _response(text, "ErrorView", headers)


_PENDING = _response(
    "The task goes on.",
    "TaskView",
    {"Location": "Path at which to ask again.", "Retry-After": _LATER},
)

RESPONSES: Mapping[int | str, Json] = {
    "200": _response("The task has ended; `report` has the counters.", "TaskView"),
    "202": _PENDING,
    **{str(status): _error_response(status, codes) for status, codes in errors_by_status().items()},
}
"""The responses of a handler that starts a refresh and returns `answer`, by status."""

_EVENTS: Json = {
    "description": "Server-sent events: `status` at each change, then `report` or `failed`; "
    "`interrupted` if the browser has to reconnect.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


def add_routes(document: Json, tasks: str) -> Json:
    """Add the routes below ``tasks``, and all schemas, to an OpenAPI document; return it."""
    document.setdefault("components", {}).setdefault("schemas", {}).update(_schemas())
    errors = {status: one for status, one in RESPONSES.items() if status != _START_ONLY}
    no_stream = {"description": "The browser has seen the last event."}
    events = {**errors, "200": _EVENTS, "204": no_stream}
    del events["202"]
    paths = document.setdefault("paths", {})
    paths[f"{tasks}/{{task}}"] = {"get": _operation("Result of a task", "altcraft_task", errors)}
    paths[f"{tasks}/{{task}}/events"] = {
        "get": _operation("Progress of a task", "altcraft_task_events", events)
    }
    return document


def _operation(summary: str, name: str, responses: Mapping[int | str, Json]) -> Json:
    task = {
        "name": "task",
        "in": "path",
        "required": True,
        "description": "The `task` of a response.",
        "schema": {"type": "string"},
    }
    return {"summary": summary, "operationId": name, "parameters": [task], "responses": responses}
