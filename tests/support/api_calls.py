"""The two kinds of call that tests make, and everything that an error of theirs tells."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Literal, NamedTuple, TypeVar, Unpack

import aiohttp
import pytest

from altcraft_async import (
    AltcraftClient,
    AltcraftError,
    Constant,
    Retry,
    TaskHandle,
    TaskStatus,
)
from altcraft_async.client import ClientOptions
from tests.support.scripted_server import Step, answer

WireFormat = Literal["json", "xml"]
T = TypeVar("T")

TOKEN = "tok3n-0123456789-canary"
AT_ONCE = Retry(first=0.0)
STARTED = answer('{"data": {"task_id": "t1"}, "error": 0, "error_text": "Successful operation"}')
RUNNING = answer('{"data": {"status": "running", "progress": 40}, "error": 0, "error_text": ""}')


class Way:
    """The way in which `client_of` sends; set by the fixture ``both_ways``."""

    fast_path = True


def client_of(
    base_url: str,
    token: str = TOKEN,
    *,
    wire_format: WireFormat = "json",
    **options: Unpack[ClientOptions],
) -> AltcraftClient:
    """Return a client that repeats without a pause and polls as often as it may."""
    quick: ClientOptions = {
        "retry": AT_ONCE,
        "poll": Constant(0.05),
        "fast_path": Way.fast_path,
        **options,
    }
    return AltcraftClient(base_url, token, format=wire_format, **quick)


class Call(NamedTuple):
    """One way to send one request.

    Attributes:
        path: API method.
        make: Sends it.
        starts: Whether it starts something.
    """

    path: str
    make: Callable[[AltcraftClient], Awaitable[object]]
    starts: bool

    @property
    def answered(self) -> Step:
        """A sound answer to it."""
        return STARTED if self.starts else RUNNING


async def _start(client: AltcraftClient) -> object:
    return await client.resources.refresh_counters(24, database_id=1)


async def _start_alone(client: AltcraftClient) -> object:
    return await client.resources.refresh_counters(24, database_id=1, join="never")


async def _poll(client: AltcraftClient) -> object:
    return await client.tasks.status("t1")


START = Call("resources/refresh_counters", _start, starts=True)
START_ALONE = Call("resources/refresh_counters", _start_alone, starts=True)
"""Joins no other, so that each is a request."""
POLL = Call("tasks/status", _poll, starts=False)

both_calls = pytest.mark.parametrize("call", [START, POLL], ids=["start", "poll"])
both_alone = pytest.mark.parametrize("call", [START_ALONE, POLL], ids=["start", "poll"])


async def succeed(call: Call, client: AltcraftClient) -> None:
    """Make the call, which has to bring what `STARTED` or `RUNNING` says."""
    outcome = await call.make(client)
    if call.starts:
        assert isinstance(outcome, TaskHandle)
        assert outcome.ref.task_id == "t1"
    else:
        assert isinstance(outcome, TaskStatus)
        assert (outcome.status, outcome.progress) == ("running", 40)


async def gather_into(found: list[T], items: AsyncIterable[T]) -> None:
    """Append items as they come, so that those before an error are kept."""
    async for item in items:
        found.append(item)  # noqa: PERF401 -- what came before an error has to stay


class Attempts(aiohttp.TraceConfig):
    """Counts the requests of a borrowed session, also those that never get out."""

    def __init__(self) -> None:
        """Begin at none."""
        super().__init__()
        self.made = 0
        self.on_request_start.append(self._count)

    async def _count(self, *_about: object) -> None:
        self.made += 1


async def failure_of(call: Call, client: AltcraftClient) -> AltcraftError:
    """Make the call and return how it fails; one that shows the token or says no method fails."""
    with pytest.raises(AltcraftError) as caught:
        await call.make(client)
    error = caught.value
    assert str(error).startswith(f"{call.path}: ")
    assert TOKEN not in told(error)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 -- made here
    assert (type(copy), copy.args, vars(copy)) == (type(error), error.args, vars(error))
    return error


def told(error: BaseException) -> str:
    """Return all that an error says wherever it is printed or stored."""
    parts = [str(error), repr(error), repr(error.args), repr(vars(error))]
    parts += traceback.format_exception(error)
    parts += [pickle.dumps(error).decode("latin-1")]
    parts += [told(other) for other in (error.__cause__, error.__context__) if other is not None]
    return "\n".join(parts)
