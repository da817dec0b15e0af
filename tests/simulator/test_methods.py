"""API methods without network, read strictly: tokens, parameters, targets and faults of tasks."""

from __future__ import annotations

import json

import pytest

from altcraft_async.simulator import Fault
from altcraft_async.simulator.installation import Installation
from altcraft_async.simulator.messages import ApiResponse, read_request
from altcraft_async.simulator.methods import respond
from altcraft_async.simulator.world import World

START = "resources/refresh_counters"
STATUS = "tasks/status"
INSTALLATION = Installation("secret", strict=True)
GOOD: dict[str, object] = {"token": "secret", "id": 24, "list_id": 1}


def ask(
    method: str,
    values: dict[str, object],
    *,
    world: World | None = None,
    fault: Fault | None = None,
) -> ApiResponse:
    """Return the response to a JSON request."""
    request = read_request(method, json.dumps(values).encode(), "application/json", strict=True)
    return respond(world or World(resources=30), request, INSTALLATION, 0.0, fault)


def ask_in_xml(method: str, body: str) -> ApiResponse:
    """Return the response to an XML request."""
    request = read_request(method, body.encode(), "application/xml", strict=True)
    return respond(World(), request, INSTALLATION, 0.0)


def task_id_of(response: ApiResponse) -> str:
    """Return the task id in a response."""
    data = response.envelope["data"]
    assert isinstance(data, dict)
    return str(data["task_id"])  # pyright: ignore[reportUnknownArgumentType] -- our own envelope


@pytest.mark.parametrize("token", [None, "", "wrong", 5])
def test_missing_or_wrong_token_is_a_401_and_starts_nothing(token: object) -> None:
    world = World()
    assert ask(START, {**GOOD, "token": token}, world=world).code == 401
    assert not world.starts


@pytest.mark.parametrize(
    ("authorization", "code"),
    [("Bearer secret", 0), ("bearer secret", 0), ("Basic secret", 401), ("Bearer no", 401)],
)
def test_token_in_the_header_has_to_be_a_bearer_token(authorization: str, code: int) -> None:
    request = read_request(START, b'{"id": 24, "list_id": 1}', "application/json", authorization)
    assert respond(World(), request, INSTALLATION, 0.0).code == code


@pytest.mark.parametrize("value", [None, "", 0, -1, 1.0, "24", True, [24], {}])
def test_id_in_json_that_is_not_a_positive_integer_is_a_400_that_names_it(value: object) -> None:
    refused = ask(START, {**GOOD, "list_id": value})
    assert refused.code == 400
    assert "'list_id'" in str(refused.envelope["error_text"])


@pytest.mark.parametrize(("text", "code"), [("24", 0), ("0", 400), ("-1", 400), ("x", 400)])
def test_id_in_xml_is_a_text_of_digits(text: str, code: int) -> None:
    body = f"<xml><token>secret</token><id>{text}</id><list_id>1</list_id></xml>"
    assert ask_in_xml(START, body).code == code


def test_id_in_xml_that_occurs_twice_is_a_400() -> None:
    body = "<xml><token>secret</token><id>1</id><id>2</id><list_id>1</list_id></xml>"
    assert ask_in_xml(START, body).code == 400


@pytest.mark.parametrize("name", ["lst_id", "task_id", "\x00", "x" * 1_000])
def test_unknown_parameter_is_a_400_that_names_it(name: str) -> None:
    """The name is escaped and shortened, so that XML can contain it."""
    refused = ask(START, {**GOOD, "format": "xml", name: 1})
    assert refused.code == 400
    assert ascii(name)[:40] in str(refused.envelope["error_text"])


@pytest.mark.parametrize("task_id", [None, "", 5])
def test_task_id_that_is_not_a_text_is_a_400_that_names_it(task_id: object) -> None:
    refused = ask(STATUS, {"token": "secret", "task_id": task_id})
    assert refused.code == 400
    assert "'task_id'" in str(refused.envelope["error_text"])


@pytest.mark.parametrize("named", ["yaml", 5, "JSON"])
def test_unknown_format_is_a_400_in_the_format_of_the_request(named: object) -> None:
    refused = ask(START, {**GOOD, "format": named})
    assert (refused.code, refused.format) == (400, "json")


def test_response_has_the_named_format_or_else_that_of_the_request() -> None:
    assert ask(START, GOOD).format == "json"
    assert ask(START, {**GOOD, "format": "xml"}).format == "xml"
    body = "<xml><token>secret</token>{}<id>1</id><list_id>1</list_id></xml>"
    assert ask_in_xml(START, body.format("")).format == "xml"
    assert ask_in_xml(START, body.format("<format>json</format>")).format == "json"


@pytest.mark.parametrize(
    ("feedback", "code"),
    [
        (None, 0),
        ({"type": "JSON", "url": "http://127.0.0.1/"}, 0),
        ({"type": "JSON"}, 400),
        ({"type": "JSON", "url": 5}, 400),
        ({"type": "JSON", "url": "http://127.0.0.1/", "method": "PUT"}, 400),
        ("http://127.0.0.1/", 400),
    ],
)
@pytest.mark.parametrize("method", [START, "databases/refresh_counters"])
def test_feedback_without_the_documented_shape_is_a_400(
    method: str, feedback: object, code: int
) -> None:
    other = {START: "list_id", "databases/refresh_counters": "resource_id"}[method]
    values = {"token": "secret", "id": 1, other: 1, "feedback": feedback}
    assert ask(method, values).code == code


def test_feedback_of_a_segment_is_a_400() -> None:
    """The vendor's page on segments documents none."""
    values: dict[str, object] = {"token": "secret", "id": 1, "resource_id": 1, "feedback": {}}
    assert ask("segments/refresh_counters", values).code == 400


@pytest.mark.parametrize(
    ("extra", "ids"),
    [({}, (7, 24)), ({"db_id": 2}, (7, 24, 2)), ({"list_id": 3}, (7, 24, 3))],
)
def test_database_of_a_static_segment_has_two_names_and_is_optional(
    extra: dict[str, object], ids: tuple[int, ...]
) -> None:
    world = World()
    values = {"token": "secret", "id": 7, "resource_id": 24, **extra}
    assert ask("segments/refresh_counters", values, world=world).code == 0
    assert world.starts == {("segment", ids): 1}


def test_unknown_object_is_a_404_that_names_it() -> None:
    refused = ask(START, {**GOOD, "id": 31})
    assert refused.code == 404
    assert "resource 31" in str(refused.envelope["error_text"])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"<xml/>"])
def test_unreadable_body_is_a_400(body: bytes) -> None:
    request = read_request(START, body, "application/json", strict=True)
    assert respond(World(), request, INSTALLATION, 0.0).code == 400


def test_unknown_method_is_a_404() -> None:
    assert ask("resources/reset", {}).code == 404


def test_refusal_has_no_data() -> None:
    assert set(ask("resources/reset", {}).envelope) == {"error", "error_text"}


def test_unknown_task_is_a_404() -> None:
    assert ask(STATUS, {"token": "secret", "task_id": "no-such"}).code == 404


def test_failed_task_on_a_start_fails_the_task_at_its_end() -> None:
    world = World(duration=1.0)
    task_id = task_id_of(ask(START, GOOD, world=world, fault=Fault.failed_task("broken")))
    assert task_id == task_id_of(ask(START, GOOD, world=World(duration=1.0)))
    state = world.poll(task_id, 1.0)
    assert state is not None
    assert state.status == "broken"


def test_unknown_task_on_a_start_makes_its_task_unknown() -> None:
    world = World()
    task_id = task_id_of(ask(START, GOOD, world=world, fault=Fault.unknown_task()))
    assert world.poll(task_id, 0.0) is None


def test_failed_task_on_a_poll_fails_the_task_for_good() -> None:
    world = World(duration=1.0)
    task_id = task_id_of(ask(START, GOOD, world=world))
    values: dict[str, object] = {"token": "secret", "task_id": task_id}
    failed = {"status": "failed", "progress": 0}
    assert ask(STATUS, values, world=world, fault=Fault.failed_task()).envelope["data"] == failed
    assert ask(STATUS, values, world=world).envelope["data"] == failed


def test_unknown_task_on_a_poll_refuses_that_poll_only() -> None:
    world = World()
    task_id = task_id_of(ask(START, GOOD, world=world))
    values: dict[str, object] = {"token": "secret", "task_id": task_id}
    assert ask(STATUS, values, world=world, fault=Fault.unknown_task()).code == 404
    assert ask(STATUS, values, world=world).code == 0
