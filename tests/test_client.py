"""`AltcraftClient`: what it takes, and what it says of what it does not take."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import msgspec
import pytest
import tenacity

from altcraft_async import (
    AltcraftClient,
    ConfigurationError,
    CountersReport,
    Feedback,
    PollingError,
    PollState,
    ProtocolError,
    TaskHandle,
    TenacityWait,
)
from altcraft_async.simulator import Simulator

if TYPE_CHECKING:
    from altcraft_async import FinishedTask
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime]

TOKEN = "f00dfeedf00dfeed"


def test_constructing_needs_no_loop_and_shows_no_token() -> None:
    """A client can be made anywhere, and its repr says where it speaks to."""
    client = AltcraftClient("https://example.com/proxy/", TOKEN, format="xml")
    assert repr(client) == "<AltcraftClient https://example.com/proxy/api/v1.1 xml unopened>"


def test_plain_http_to_another_machine_warns() -> None:
    """A token in the clear is said at the line that makes the client, and is no error."""
    with pytest.warns(UserWarning, match=r"^base_url: .* use https://") as warned:
        AltcraftClient("http://example.com", TOKEN)
    assert [one.filename for one in warned] == [__file__]
    assert TOKEN not in str(warned[0].message)


async def test_client_that_nobody_closed_warns() -> None:
    """An opened client that is garbage warns, a closed or unopened one does not."""

    async def forget_three() -> None:
        async with AltcraftClient("https://example.com/closed", TOKEN):
            pass
        AltcraftClient("https://example.com/unopened", TOKEN)
        await AltcraftClient("https://example.com/opened", TOKEN).__aenter__()
        gc.collect()

    gc.collect()  # what other tests left
    with pytest.warns(ResourceWarning) as warned:
        await forget_three()
    assert len(warned) == 1
    assert str(warned[0].message).startswith("unclosed <AltcraftClient https://example.com/opened")


def test_client_that_could_not_be_made_leaves_no_warning() -> None:
    """What a wrong argument leaves behind is not worth another word."""
    with pytest.raises(ConfigurationError):
        AltcraftClient("example.com", TOKEN)
    gc.collect()


async def test_client_shows_its_state() -> None:
    """The repr follows the life of a client."""
    client = AltcraftClient("https://example.com", TOKEN)
    async with client:
        assert repr(client).endswith("json open>")
    assert repr(client).endswith("json closed>")
    unopened = AltcraftClient("https://example.com", TOKEN)
    await unopened.aclose()
    await unopened.aclose()
    assert repr(unopened).endswith("json closed>")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "yaml"),
        ("token_in", "url"),
        ("poll", "often"),
        ("format", ["json"]),
        ("retry", 3),
        ("polling_patience", None),
        ("session", 5),
        ("failure_statuses", "failed"),
        ("failure_statuses", [5]),
        ("failure_statuses", None),
        ("poll", AltcraftClient),
        ("rate_limit", 0),
        ("rate_limit", "5"),
        ("request_timeout", 0),
        ("request_timeout", None),
        ("connections", 0),
        ("max_answer_bytes", -1),
        ("token", ""),
        ("token", None),
        ("base_url", "example.com"),
    ],
)
def test_wrong_argument_is_refused_by_name(name: str, value: object) -> None:
    """Whatever is wrong is said before anything is sent, and the token never."""
    arguments: dict[str, object] = {"base_url": "https://example.com", "token": TOKEN, name: value}
    with pytest.raises(ConfigurationError, match=rf"^{name}:") as caught:
        AltcraftClient(**arguments)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert isinstance(caught.value, ValueError)
    assert TOKEN not in str(caught.value)


def test_environment_makes_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Address, token and format come from the environment, everything else from arguments."""
    monkeypatch.setenv("ALTCRAFT_URL", "https://example.com")
    monkeypatch.setenv("ALTCRAFT_TOKEN", TOKEN)
    assert "example.com/api/v1.1 json" in repr(AltcraftClient.from_env())
    monkeypatch.setenv("ALTCRAFT_FORMAT", "xml")
    assert "example.com/api/v1.1 xml" in repr(AltcraftClient.from_env(request_timeout=5))


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALTCRAFT_URL", None), ("ALTCRAFT_TOKEN", ""), ("ALTCRAFT_FORMAT", "yaml")],
)
def test_variable_that_is_missing_or_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    """What the environment lacks is said by the variable's name."""
    monkeypatch.setenv("ALTCRAFT_URL", "https://example.com")
    monkeypatch.setenv("ALTCRAFT_TOKEN", TOKEN)
    monkeypatch.delenv("ALTCRAFT_FORMAT", raising=False)
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=rf"^{name}:"):
        AltcraftClient.from_env()


@pytest.mark.parametrize("feedback", [{"url": "http://x"}, "http://x", 5])
async def test_feedback_that_is_none_is_refused(platform: OpenPlatform, feedback: Feedback) -> None:
    """What is no Feedback is not sent."""
    async with platform() as (server, client):
        with pytest.raises(ConfigurationError, match=r"^feedback:"):
            await client.resources.refresh_counters(24, database_id=1, feedback=feedback)
        with pytest.raises(ConfigurationError, match=r"^timeout:"):
            await client.resources.refresh(24, database_id=1, timeout=-1)
        assert not server.requests


async def test_status_is_one_request(platform: OpenPlatform) -> None:
    """tasks.status asks once and returns what came."""
    async with platform() as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        status = await client.tasks.status(handle.ref.task_id)
        assert (status.status, status.progress) == ("running", 0)
        assert status.raw == {"status": "running", "progress": 0}
        assert server.count("tasks/status") == 1


@pytest.mark.parametrize("task_id", ["", None, 5, "a b", "a\n"])
async def test_task_id_that_is_none_is_refused(platform: OpenPlatform, task_id: str) -> None:
    """What can be no task id is not sent."""
    async with platform() as (server, client):
        with pytest.raises(ConfigurationError, match=r"^task_id:"):
            await client.tasks.status(task_id)
        with pytest.raises(ConfigurationError, match=r"^task:"):
            client.tasks.attach(task_id)
        assert not server.requests


class Group(msgspec.Struct):
    """A part of a result, as a user might want it."""

    list_id: int


@pytest.mark.parametrize("wire_format", ["json", "xml"])
async def test_attached_task_is_decoded_as_wanted(platform: OpenPlatform, wire_format: str) -> None:
    """A bare id gives the plain value; a type or a function gives what it makes of it."""
    async with platform(duration=1, wire_format=wire_format) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        report = await handle
        task_id = handle.ref.task_id
        plain = await client.tasks.attach(task_id)
        assert "'list_id'" in repr(plain)
        assert await client.tasks.attach(task_id, decode=CountersReport) == report
        assert await client.tasks.attach(task_id, decode=list[Group]) == [Group(1)]
        assert await client.tasks.attach(task_id, decode=repr) == repr(plain)
        assert client.tasks.attach(task_id).ref.kind == "unknown"


async def test_decoder_that_fails_is_told_as_such(platform: OpenPlatform) -> None:
    """A decoder of the user's that raises ends the task in an error that names its cause."""

    def decode(_value: object) -> int:
        msg = "cannot make sense of it"
        raise KeyError(msg)

    async with platform(duration=1) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        attached: TaskHandle[int] = client.tasks.attach(handle.ref, decode=decode)
        await asyncio.sleep(2)
        with pytest.raises(ProtocolError, match="cannot make sense of it") as caught:
            await attached
        assert isinstance(caught.value.__cause__, KeyError)
        assert attached.done()
        wrong = client.tasks.attach(handle.ref, decode=list[int])
        with pytest.raises(ProtocolError, match="Expected `int`") as mismatch:
            await wrong
        assert mismatch.value.__cause__ is None


class Broken:
    """A policy that works once."""

    def next_poll(self, seen: PollState) -> float:
        """Return a pause, then fail."""
        return 1 / (1 - seen.polls)


async def test_function_is_a_policy(platform: OpenPlatform) -> None:
    """A function from what was seen to seconds paces the polls."""
    async with platform(duration=10, options={"poll": lambda seen: 2.0 + seen.polls}) as (
        _,
        client,
    ):
        handle = await client.resources.refresh_counters(24, database_id=1)
        await handle
        assert handle.polls == 4


@pytest.mark.parametrize(
    ("wait", "pauses"),
    [
        (tenacity.wait_fixed(3), [3, 3, 3]),
        (tenacity.wait_exponential(multiplier=1, max=3), [1, 2, 3]),
        (tenacity.wait_incrementing(start=1, increment=2), [1, 3, 5]),
        (tenacity.wait_fixed(1) + tenacity.wait_fixed(2), [3, 3, 3]),
    ],
)
def test_wait_of_tenacity_is_a_policy(wait: tenacity.wait.wait_base, pauses: list[float]) -> None:
    """Each poll counts as an attempt."""
    policy = TenacityWait(wait)
    seen = [PollState(waited=polls * 10.0, polls=polls) for polls in range(3)]
    assert [policy.next_poll(one) for one in seen] == pauses


class Unteachable:
    """A policy that cannot learn."""

    def next_poll(self, seen: PollState) -> float:  # noqa: ARG002 -- the interface
        """Return one second."""
        return 1.0

    def learn(self, finished: FinishedTask) -> None:
        """Fail."""
        raise KeyError(finished.kind)


async def test_policy_that_cannot_learn_takes_no_result_away(
    platform: OpenPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    """A policy of the user's that fails to learn is logged, and the result is there."""
    async with platform(duration=3, options={"poll": Unteachable()}) as (_, client):
        assert isinstance(await client.resources.refresh(24, database_id=1), CountersReport)
    assert "cannot learn" in caplog.text


async def test_policy_that_fails_at_once_leaves_the_handle_usable(platform: OpenPlatform) -> None:
    """A policy that cannot even time the first poll ends the wait, and nothing is polled."""

    class Hopeless:
        def next_poll(self, seen: PollState) -> float:
            return 1 / seen.polls

    async with platform(options={"poll": Hopeless()}) as (server, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(PollingError, match="division by zero"):
            await handle
        await asyncio.sleep(10)
        assert server.count("tasks/status") == 0


async def test_policy_that_fails_ends_the_wait_and_says_why(platform: OpenPlatform) -> None:
    """A policy of the user's that raises is no reason to wait for ever."""
    async with platform(options={"poll": Broken()}) as (_, client):
        handle = await client.resources.refresh_counters(24, database_id=1)
        with pytest.raises(PollingError, match="division by zero") as caught:
            await handle
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert not handle.done()


def test_script_that_stops_in_the_middle_of_everything_says_nothing_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its own error is all that is seen when the loop ends with the iteration still held."""

    async def script() -> None:
        async with Simulator() as server, AltcraftClient(server.url, server.token) as client:
            outcomes = client.refresh_all()
            async for _ in outcomes:
                raise KeyError

    with pytest.raises(KeyError):
        asyncio.run(script())
    gc.collect()
    assert [record.getMessage() for record in caplog.records] == []
