"""Callers of the simulator over plain HTTP, and a clock for it that tests set."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

import aiohttp

from altcraft_async.simulator import Simulator, codec
from altcraft_async.simulator.codec import Format

START = "resources/refresh_counters"
STATUS = "tasks/status"

COUNTERS = {
    "all",
    "complained",
    "hardbounced",
    "invalid",
    "subscribed",
    "subscribed_sendable",
    "suspended",
    "unconfirmed",
    "unconfirmed_sendable",
    "unsubscribed",
}
SENDABLE = {"subscribed_sendable", "unconfirmed_sendable"}


class SettableClock:
    """A clock that shows what a test sets."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Response(NamedTuple):
    """An HTTP response, read to its end."""

    status: int
    headers: Mapping[str, str]
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 -- tests read arbitrary parts of it
        """The body as JSON."""
        return json.loads(self.body)


class Caller:
    """Posts bodies to one simulator."""

    def __init__(self, server: Simulator, session: aiohttp.ClientSession) -> None:
        """Use a session of the test."""
        self.server = server
        self.session = session

    async def post(
        self, method: str, body: bytes | io.BytesIO, content_type: str = "application/json"
    ) -> Response:
        """Post bytes."""
        url = f"{self.server.url}/api/v1.1/{method}"
        headers = {"Content-Type": content_type}
        async with self.session.post(url, data=body, headers=headers) as response:
            body_read = await response.read()
            return Response(response.status, response.headers, response.content_type, body_read)

    async def ask(self, method: str, **values: object) -> Response:
        """Post values and the token as JSON."""
        return await self.post(method, json.dumps({"token": self.server.token, **values}).encode())

    async def start(self) -> Any:  # noqa: ANN401 -- as above
        """Start a refresh and return the envelope."""
        return (await self.ask(START, id=24, list_id=1)).json


@dataclass(frozen=True)
class Reply:
    """One response, the same for either format.

    Attributes:
        status: HTTP status.
        body: The body as received.
        value: The envelope as XML shows it: without types, and a list of one as a value.
    """

    status: int
    body: bytes
    value: dict[str, Any]

    @property
    def error(self) -> int:
        """The ``error`` of the envelope."""
        return int(self.value["error"])

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The ``data`` as rows."""
        data = self.value["data"]
        if isinstance(data, list):
            return cast("list[dict[str, Any]]", data)
        return [data] if data else []

    @property
    def ids(self) -> list[int]:
        """The ids of the rows."""
        return [int(row["id"]) for row in self.rows]


class Ask(Protocol):
    """Posts values and the token."""

    async def __call__(self, server: Simulator, method: str, **values: object) -> Reply:
        """Return the response."""
        ...


class AskIn:
    """Posts values and the token in a given format."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """Use this session."""
        self._session = session

    async def __call__(
        self, server: Simulator, wire_format: Format, method: str, **values: object
    ) -> Reply:
        """Return the response."""
        url = f"{server.url}/api/v1.1/{method}"
        body = codec.write({"token": server.token, **values}, wire_format)
        headers = {"Content-Type": codec.CONTENT_TYPES[wire_format]}
        async with self._session.post(url, data=body, headers=headers) as response:
            assert response.content_type == codec.CONTENT_TYPES[wire_format]
            received = await response.read()
        as_xml = received if wire_format == "xml" else codec.write(json.loads(received), "xml")
        return Reply(response.status, received, codec.read(as_xml, "xml"))
