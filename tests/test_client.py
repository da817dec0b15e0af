"""`AltcraftClient`: what it takes, and what it says of what it does not take."""

from __future__ import annotations

import asyncio
import gc
import inspect
import traceback
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pytest

from altcraft_async import AltcraftClient, ConfigurationError, Feedback
from altcraft_async.simulator import Simulator

if TYPE_CHECKING:
    from tests.conftest import OpenPlatform

pytestmark = [pytest.mark.looptime]

TOKEN = "f00dfeedf00dfeed"


def test_constructing_needs_no_loop_and_repr_shows_no_token() -> None:
    client = AltcraftClient("https://example.com/proxy/", TOKEN, format="xml")
    assert repr(client) == "<AltcraftClient https://example.com/proxy/api/v1.1 xml unopened>"


class Derived(AltcraftClient):
    """A client of a program's own."""


def construct() -> AltcraftClient:
    """Make a client from arguments."""
    return AltcraftClient("http://example.com", TOKEN)


def from_env() -> AltcraftClient:
    """Make a client from the environment."""
    return AltcraftClient.from_env()


def derived_from_env() -> AltcraftClient:
    """Make a derived client from the environment."""
    return Derived.from_env()


@pytest.mark.parametrize("make", [construct, from_env, derived_from_env])
def test_plain_http_to_another_machine_warns_at_the_line_of_the_caller(
    make: Callable[[], AltcraftClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALTCRAFT_URL", "http://example.com")
    monkeypatch.setenv("ALTCRAFT_TOKEN", TOKEN)
    with pytest.warns(UserWarning, match=r"^base_url: .* use https://") as warned:
        make()
    line = inspect.getsourcelines(make)[1] + 2
    assert [(one.filename, one.lineno) for one in warned] == [(__file__, line)]
    assert TOKEN not in str(warned[0].message)


async def test_open_client_that_is_garbage_warns() -> None:
    """A closed or unopened one does not."""

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


def test_half_built_client_has_a_repr_and_leaves_no_warning() -> None:
    with pytest.raises(ConfigurationError) as caught:
        AltcraftClient("example.com", TOKEN)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    (half_built,) = {
        one for frame in frames if isinstance(one := frame.f_locals.get("self"), AltcraftClient)
    }
    assert repr(half_built) == "<AltcraftClient, not constructed>"
    del half_built, frames, caught
    gc.collect()


Options = dict[str, object]


@pytest.mark.parametrize(
    ("url", "token", "options"),
    [
        ("example.com", TOKEN, {}),
        ("https://example.com", TOKEN, {"request_timeout": -1}),
        ("https://example.com", TOKEN, {"poll": "often"}),
        ("https://example.com", f"{TOKEN}\n", {}),
    ],
    ids=["base_url", "option", "policy", "token"],
)
@pytest.mark.parametrize("way", ["arguments", "environment"])
def test_token_is_in_no_variable_of_a_failed_construction(
    url: str, token: str, options: Options, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALTCRAFT_URL", url)
    monkeypatch.setenv("ALTCRAFT_TOKEN", token)
    ways: dict[str, Callable[..., object]] = {
        "arguments": partial(AltcraftClient, url, token),
        "environment": AltcraftClient.from_env,
    }
    with pytest.raises(ConfigurationError) as caught:
        ways[way](**options)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    ours = [frame for frame in frames if "/altcraft_async/" in frame.f_code.co_filename]
    assert len(ours) >= 2
    for frame in ours:
        for name, value in frame.f_locals.items():
            assert TOKEN not in f"{value!r} {value!s}", f"{name} of {frame.f_code.co_qualname}"


async def test_repr_of_a_client_shows_its_state() -> None:
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
        ("start_keepalive", -1),
        ("start_keepalive", None),
        ("fast_path", 1),
        ("ssl_context", "/etc/ssl/certs/ca-certificates.crt"),
        ("ssl_context", False),
        ("max_answer_bytes", -1),
        ("token", ""),
        ("token", None),
        ("base_url", "example.com"),
    ],
)
def test_wrong_argument_is_refused_by_name_and_no_token(name: str, value: object) -> None:
    arguments: dict[str, object] = {"base_url": "https://example.com", "token": TOKEN, name: value}
    with pytest.raises(ConfigurationError, match=rf"^{name}:") as caught:
        AltcraftClient(**arguments)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert isinstance(caught.value, ValueError)
    assert TOKEN not in str(caught.value)


def test_environment_gives_address_token_and_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTCRAFT_URL", "https://example.com")
    monkeypatch.setenv("ALTCRAFT_TOKEN", TOKEN)
    assert "example.com/api/v1.1 json" in repr(AltcraftClient.from_env())
    monkeypatch.setenv("ALTCRAFT_FORMAT", "xml")
    assert "example.com/api/v1.1 xml" in repr(AltcraftClient.from_env(request_timeout=5))


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALTCRAFT_URL", None), ("ALTCRAFT_TOKEN", ""), ("ALTCRAFT_FORMAT", "yaml")],
)
def test_missing_or_wrong_variable_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
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
async def test_wrong_feedback_or_timeout_is_refused_before_anything_is_sent(
    platform: OpenPlatform, feedback: Feedback
) -> None:
    async with platform() as (server, client):
        with pytest.raises(ConfigurationError, match=r"^feedback:"):
            await client.resources.refresh_counters(24, database_id=1, feedback=feedback)
        with pytest.raises(ConfigurationError, match=r"^timeout:"):
            await client.resources.refresh(24, database_id=1, timeout=-1)
        assert not server.requests


def test_script_that_raises_within_refresh_all_logs_nothing_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The iteration is still held when the loop ends."""

    async def script() -> None:
        async with Simulator() as server, AltcraftClient(server.url, server.token) as client:
            outcomes = client.refresh_all()
            async for _ in outcomes:
                raise KeyError

    with pytest.raises(KeyError):
        asyncio.run(script())
    gc.collect()
    assert [record.getMessage() for record in caplog.records] == []
