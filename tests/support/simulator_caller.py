"""A caller of the simulator that speaks either format and reads answers as values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol, cast

import aiohttp

from altcraft_async.simulator import Simulator, codec
from altcraft_async.simulator.codec import Format


@dataclass(frozen=True)
class Said:
    """One answer.

    Attributes:
        status: HTTP status.
        body: As it came.
        value: The envelope, as it would poll in XML: without types, and a list
            of one is no list. So the same answer in either format is equal.
    """

    status: int
    body: bytes
    value: dict[str, Any]

    @property
    def error(self) -> int:
        """Return the ``error`` of the envelope."""
        return int(self.value["error"])

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return ``data`` as rows, none where it is empty."""
        data = self.value["data"]
        if isinstance(data, list):
            return cast("list[dict[str, Any]]", data)
        return [data] if data else []

    @property
    def ids(self) -> list[int]:
        """Return the ids of the rows."""
        return [int(row["id"]) for row in self.rows]


class Ask(Protocol):
    """Posts values, the token among them."""

    async def __call__(self, server: Simulator, method: str, **values: object) -> Said:
        """Return the answer."""
        ...


class AskIn:
    """Posts values in a format."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """Use this session."""
        self._session = session

    async def __call__(
        self, server: Simulator, form: Format, method: str, **values: object
    ) -> Said:
        """Return the answer."""
        url = f"{server.url}/api/v1.1/{method}"
        body = codec.write({"token": server.token, **values}, form)
        headers = {"Content-Type": codec.CONTENT_TYPES[form]}
        async with self._session.post(url, data=body, headers=headers) as response:
            assert response.content_type == codec.CONTENT_TYPES[form]
            said = await response.read()
        written = said if form == "xml" else codec.write(json.loads(said), "xml")
        return Said(response.status, said, codec.read(written, "xml"))
