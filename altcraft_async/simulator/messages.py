"""Requests and responses of the API as values, without network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

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
        named = str(self.params.get("format")).strip().lower()
        formats: dict[str, Format] = {"json": "json", "xml": "xml"}
        return formats.get(named, self.format)


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


def method_of(raw_path: str, *, strict: bool = False) -> str:
    """Return the API method that a path names; the path itself where it names none.

    The path is read as nginx does by default, which we take to stand before the
    platform: percent-encoding is decoded, repeated slashes are one, and ``.`` and
    ``..`` are resolved. A slash at the end is left out, as some of the vendor's pages
    have one. A strict reading takes the path as it is.
    """
    path = raw_path if strict else _normalized(unquote(raw_path))
    return path.removeprefix(PREFIX) if path.startswith(PREFIX) else path


def _normalized(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and not parts:
            return path  # nginx refuses what leads above the root
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def read_request(
    method: str, body: bytes, content_type: str, authorization: str = "", *, strict: bool = False
) -> ApiRequest:
    """Read a request; an unreadable body gives a request without parameters.

    An empty body does so as well, but is unreadable for a strict reading.
    """
    wire_format = codec.format_of(content_type, body, strict=strict)
    try:
        values = codec.read(body, wire_format) if strict or body.strip() else {}
    except codec.UnreadableError as error:
        return ApiRequest(method, wire_format, {}, unreadable=str(error))
    scheme, _, bearer = authorization.partition(" ")
    token = values.pop("token", None) or (bearer.strip() if scheme.lower() == "bearer" else None)
    return ApiRequest(method, wire_format, values, token)


def refusal(wire_format: Format, code: int, text: str) -> ApiResponse:
    """Refuse a request; leaving out ``data`` is our choice, as refusals are not documented."""
    return ApiResponse({"error": code, "error_text": text}, wire_format, code)
