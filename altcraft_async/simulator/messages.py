"""Requests and responses of the API as values, without network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from altcraft_async.simulator import codec
from altcraft_async.simulator.codec import Format

PREFIX = "/api/v1.1/"


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One POST.

    Attributes:
        method: API method that the path names, known or not, for example ``"tasks/status"``.
        format: Format of the body.
        params: Parameters without the token.
        token: Token of the body, else of the ``Authorization`` header.
        unreadable: Why the body cannot be read, ``""`` if it can.
    """

    method: str
    format: Format
    params: Mapping[str, object]
    token: object = None
    unreadable: str = ""

    @property
    def response_format(self) -> Format:
        """The format that the parameter ``format`` names, else that of the body."""
        named = self.params.get("format")
        return named if named in ("json", "xml") else self.format


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """What the platform responds, before it is put into HTTP.

    Attributes:
        envelope: The body as a value.
        format: Format of the body.
        code: ``error`` of the envelope.
        xml_declaration: Whether XML begins with a declaration.
    """

    envelope: Mapping[str, object]
    format: Format
    code: int = 0
    xml_declaration: bool = False


def method_of(path: str) -> str:
    """Return the API method that a path names, with or without a trailing slash."""
    return path.removeprefix(PREFIX).removesuffix("/") if path.startswith(PREFIX) else path


def read_request(
    method: str, body: bytes, content_type: str, authorization: str = ""
) -> ApiRequest:
    """Read a request; an unreadable body gives a request without parameters."""
    wire_format = codec.format_of(content_type, body)
    try:
        values = codec.read(body, wire_format)
    except codec.UnreadableError as error:
        return ApiRequest(method, wire_format, {}, unreadable=str(error))
    scheme, _, bearer = authorization.partition(" ")
    token = values.pop("token", None) or (bearer if scheme.lower() == "bearer" else None)
    return ApiRequest(method, wire_format, values, token)


def refusal(wire_format: Format, code: int, text: str) -> ApiResponse:
    """Refuse a request; leaving out ``data`` is our choice, as refusals are not documented."""
    return ApiResponse({"error": code, "error_text": text}, wire_format, code)
