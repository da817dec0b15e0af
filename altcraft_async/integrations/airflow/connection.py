"""From an Airflow connection to a client. No I/O."""

from __future__ import annotations

from typing import Literal, Unpack, cast

import msgspec
from airflow.sdk import Connection
from yarl import URL

from altcraft_async.client import AltcraftClient, ClientOptions
from altcraft_async.errors import ConfigurationError

__all__ = ["client_of"]


class _Extra(msgspec.Struct, forbid_unknown_fields=True):
    """What a connection may hold besides address and token, by the client's names."""

    format: Literal["json", "xml"] = "json"
    token_in: Literal["body", "header"] = "body"  # noqa: S105 -- a place, no password
    rate_limit: float | None = None
    request_timeout: float = 30.0


def client_of(connection: Connection, **options: Unpack[ClientOptions]) -> AltcraftClient:
    """Make the client that a connection describes; it opens at its first request.

    Args:
        connection: Host, port where it has one, the token as the password, and
            ``format``, ``token_in``, ``rate_limit`` and ``request_timeout`` as extra.
        options: Further arguments of the client.

    Raises:
        ConfigurationError: Something is missing or wrong; the text names the
            connection and the field.
    """
    name = f"connection {connection.conn_id}"
    if not connection.password:
        msg = f"{name}: the password has to be the API token"
        raise ConfigurationError(msg)
    extra = _extra(name, cast("object", connection.extra_dejson))  # pyright: ignore[reportUnknownMemberType]  # a bare dict
    chosen: ClientOptions = {
        "token_in": extra.token_in,
        "rate_limit": extra.rate_limit,
        "request_timeout": extra.request_timeout,
        **options,
    }
    base_url = _base_url(name, connection.host or "", connection.port)
    return AltcraftClient(base_url, connection.password, format=extra.format, **chosen)


def _base_url(name: str, host: str, port: int | None) -> str:
    if not host:
        msg = f"{name}: the host has to be the address of your install"
        raise ConfigurationError(msg)
    address = host if "://" in host else f"https://{host}"
    try:
        return str(URL(address).with_port(port)) if port else address
    except ValueError as refused:
        reason = str(refused)
    msg = f"{name}: the host is no address ({reason})"
    raise ConfigurationError(msg)


def _extra(name: str, extra: object) -> _Extra:
    # A field of the form that was left empty arrives as null or "", a figure in a URI as text.
    try:
        fields = msgspec.convert(extra, dict[str, object])
        given = {field: value for field, value in fields.items() if value not in (None, "")}
        return msgspec.convert(given, _Extra, strict=False)
    except msgspec.ValidationError as refused:
        reason = str(refused)
    msg = f"{name}: the extra is wrong ({reason})"
    raise ConfigurationError(msg)
