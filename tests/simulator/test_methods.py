"""One request and its answer as values: tokens, parameters, formats, shapes."""

from __future__ import annotations

import json

import pytest

from altcraft_async.simulator import Fault
from altcraft_async.simulator.installation import Install
from altcraft_async.simulator.messages import Answer, answer, method_of, read_call
from altcraft_async.simulator.world import World

START = "resources/refresh_counters"
STATUS = "tasks/status"
INSTALL = Install("secret")
GOOD: dict[str, object] = {"token": "secret", "id": 24, "list_id": 1}


def asked(
    method: str,
    values: dict[str, object],
    *,
    world: World | None = None,
    fault: Fault | None = None,
) -> Answer:
    """Send a JSON request to the pretend platform without a network."""
    call = read_call(method, json.dumps(values).encode(), "application/json")
    return answer(world or World(resources=30), call, INSTALL, 0.0, fault)


def asked_in_xml(method: str, body: str) -> Answer:
    """Send an XML request likewise."""
    call = read_call(method, body.encode(), "application/xml")
    return answer(World(), call, INSTALL, 0.0)


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/api/v1.1/tasks/status", "tasks/status"),
        ("/api/v1.1/tasks/status/", "tasks/status"),
        ("/tasks/status", "/tasks/status"),
        ("/api/v1.0/tasks/status", "/api/v1.0/tasks/status"),
    ],
)
def test_a_path_names_a_method_with_or_without_a_slash_at_its_end(path: str, method: str) -> None:
    """Only what is below the prefix can be a method."""
    assert method_of(path) == method


@pytest.mark.parametrize("token", [None, "", "wrong", 5])
def test_a_missing_or_wrong_token_is_a_401(token: object) -> None:
    """Without the right token nothing happens."""
    world = World()
    assert asked(START, {**GOOD, "token": token}, world=world).code == 401
    assert not world.starts


@pytest.mark.parametrize(
    ("authorization", "code"),
    [("Bearer secret", 0), ("bearer secret", 0), ("Basic secret", 401), ("Bearer no", 401)],
)
def test_the_token_may_come_in_the_header(authorization: str, code: int) -> None:
    """A bearer token does for a body without one."""
    call = read_call(START, b'{"id": 24, "list_id": 1}', "application/json", authorization)
    assert answer(World(), call, INSTALL, 0.0).code == code


def test_the_token_is_not_among_the_parameters() -> None:
    """Whoever writes the parameters down writes no token."""
    call = read_call(START, json.dumps(GOOD).encode(), "application/json")
    assert call.params == {"id": 24, "list_id": 1}


@pytest.mark.parametrize("value", [None, "", 0, -1, 1.0, "24", True, [24], {}])
def test_in_json_an_id_has_to_be_a_positive_integer(value: object) -> None:
    """Everything else is a 400 that names the parameter."""
    refused = asked(START, {**GOOD, "list_id": value})
    assert refused.code == 400
    assert "'list_id'" in str(refused.envelope["error_text"])


@pytest.mark.parametrize(("text", "code"), [("24", 0), ("0", 400), ("-1", 400), ("x", 400)])
def test_in_xml_an_id_is_digits(text: str, code: int) -> None:
    """XML knows no numbers, so their text has to do."""
    body = f"<xml><token>secret</token><id>{text}</id><list_id>1</list_id></xml>"
    assert asked_in_xml(START, body).code == code


def test_in_xml_an_id_that_occurs_twice_is_refused() -> None:
    """Two elements are a list, which is no number."""
    body = "<xml><token>secret</token><id>1</id><id>2</id><list_id>1</list_id></xml>"
    assert asked_in_xml(START, body).code == 400


@pytest.mark.parametrize("name", ["lst_id", "task_id", "\x00", "x" * 1_000])
def test_an_unknown_parameter_is_a_400_that_names_it(name: str) -> None:
    """A misspelt parameter shows, and the text about it can be written in XML too."""
    refused = asked(START, {**GOOD, "format": "xml", name: 1})
    assert refused.code == 400
    assert ascii(name)[:40] in str(refused.envelope["error_text"])


@pytest.mark.parametrize("task_id", [None, "", 5])
def test_a_task_id_has_to_be_a_text(task_id: object) -> None:
    """A missing one and one of another type are refused by name."""
    refused = asked(STATUS, {"token": "secret", "task_id": task_id})
    assert refused.code == 400
    assert "'task_id'" in str(refused.envelope["error_text"])


@pytest.mark.parametrize("named", ["yaml", 5, None, ""])
def test_a_format_that_is_none_is_a_400_in_the_format_of_the_request(named: object) -> None:
    """The answer to a bad format is still readable."""
    refused = asked(START, {**GOOD, "format": named})
    assert (refused.code, refused.form) == (400, "json")


def test_the_answer_comes_in_the_format_that_is_named_and_else_in_the_requests() -> None:
    """``format`` wins over the format of the body."""
    plain = "<xml><token>secret</token><id>1</id><list_id>1</list_id></xml>"
    assert asked(START, GOOD).form == "json"
    assert asked(START, {**GOOD, "format": "xml"}).form == "xml"
    assert asked_in_xml(START, plain).form == "xml"
    named = plain.replace("<id>", "<format>json</format><id>")
    assert asked_in_xml(START, named).form == "json"


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
def test_feedback_is_checked_for_its_shape(method: str, feedback: object, code: int) -> None:
    """Feedback is an object of a type and an address, or not there."""
    other = {START: "list_id", "databases/refresh_counters": "resource_id"}[method]
    values = {"token": "secret", "id": 1, other: 1, "feedback": feedback}
    assert asked(method, values).code == code


def test_segments_know_no_feedback() -> None:
    """Their page documents none."""
    values: dict[str, object] = {"token": "secret", "id": 1, "resource_id": 1, "feedback": {}}
    assert asked("segments/refresh_counters", values).code == 400


@pytest.mark.parametrize(
    ("extra", "ids"),
    [({}, (7, 24)), ({"db_id": 2}, (7, 24, 2)), ({"list_id": 3}, (7, 24, 3))],
)
def test_the_database_of_a_segment_has_two_names_and_may_be_left_out(
    extra: dict[str, object], ids: tuple[int, ...]
) -> None:
    """``db_id`` and ``list_id`` are the same."""
    world = World()
    values = {"token": "secret", "id": 7, "resource_id": 24, **extra}
    assert asked("segments/refresh_counters", values, world=world).code == 0
    assert world.starts == {("segment", ids): 1}


def test_an_unknown_object_is_a_404_that_names_it() -> None:
    """The text says which of the ids is wrong."""
    refused = asked(START, {**GOOD, "id": 31})
    assert refused.code == 404
    assert "resource 31" in str(refused.envelope["error_text"])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"<xml/>"])
def test_an_unreadable_body_is_a_400(body: bytes) -> None:
    """It is refused before the token could be polled."""
    call = read_call(START, body, "application/json")
    assert answer(World(), call, INSTALL, 0.0).code == 400


def test_an_unknown_method_is_a_404() -> None:
    """Whatever its parameters are."""
    assert asked("resources/reset", {}).code == 404


def test_a_refusal_has_no_data() -> None:
    """Of the envelope, the code and the text remain."""
    assert set(asked("resources/reset", {}).envelope) == {"error", "error_text"}


def test_an_unknown_task_is_a_404() -> None:
    """The simulator keeps to the code for things that are not there."""
    assert asked(STATUS, {"token": "secret", "task_id": "no-such"}).code == 404


def test_a_refresh_can_be_told_to_make_a_task_that_fails() -> None:
    """The start is answered as ever, and the task fails at its end."""
    world = World(duration=1.0)
    asked(START, GOOD, world=world, fault=Fault.failed_task("broken"))
    same = World(duration=1.0)
    task_id = started(asked(START, GOOD, world=same))
    poll = world.poll(task_id, 1.0)
    assert poll is not None
    assert poll.status == "broken"


def test_a_refresh_can_be_told_to_forget_its_task() -> None:
    """The start is answered as ever, and the id it gives is of no use."""
    world = World()
    task_id = started(asked(START, GOOD, world=world, fault=Fault.unknown_task()))
    assert world.poll(task_id, 0.0) is None


def test_a_poll_can_be_told_to_find_the_task_failed() -> None:
    """The task has failed then, for this poll and all later ones."""
    world = World(duration=1.0)
    values: dict[str, object] = {
        "token": "secret",
        "task_id": started(asked(START, GOOD, world=world)),
    }
    failed = {"status": "failed", "progress": 0}
    assert asked(STATUS, values, world=world, fault=Fault.failed_task()).envelope["data"] == failed
    assert asked(STATUS, values, world=world).envelope["data"] == failed


def test_a_poll_can_be_told_not_to_know_the_task_this_once() -> None:
    """The next poll knows it again."""
    world = World()
    values: dict[str, object] = {
        "token": "secret",
        "task_id": started(asked(START, GOOD, world=world)),
    }
    assert asked(STATUS, values, world=world, fault=Fault.unknown_task()).code == 404
    assert asked(STATUS, values, world=world).code == 0


def started(said: Answer) -> str:
    """Return the task id in an answer."""
    data = said.envelope["data"]
    assert isinstance(data, dict)
    return str(data["task_id"])  # pyright: ignore[reportUnknownArgumentType] -- our own envelope
