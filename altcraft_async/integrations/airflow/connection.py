"""A client from an Airflow connection. No I/O."""

from __future__ import annotations

from typing import Literal, Unpack, cast

import msgspec
from airflow.sdk import Connection
from yarl import URL

from altcraft_async.client import AltcraftClient, ClientOptions
from altcraft_async.errors import ConfigurationError

__all__ = ["client_from"]


class _Extra(msgspec.Struct, forbid_unknown_fields=True):
    """Optional fields of a connection, named as the client's arguments."""

    format: Literal["json", "xml"] = "json"
    token_in: Literal["body", "header"] = "body"  # noqa: S105 -- where the token goes
    rate_limit: float | None = None
    request_timeout: float = 30.0


def client_from(connection: Connection, **options: Unpack[ClientOptions]) -> AltcraftClient:
    """Make the client that a connection describes; its first request opens it.

    Args:
        connection: Host, optional port, the token as the password, and ``format``,
            ``token_in``, ``rate_limit`` and ``request_timeout`` as extra.
        options: Further arguments of the client.

    Raises:
        ConfigurationError: A field is missing or wrong; the text names it and the
            connection.
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
        msg = f"{name}: the host has to be the URL of your install"
        raise ConfigurationError(msg)
    address = host if "://" in host else f"https://{host}"
    try:
        return str(URL(address).with_port(port)) if port else address
    except ValueError as refused:
        reason = str(refused)
    msg = f"{name}: the host is not a URL ({reason})"
    raise ConfigurationError(msg)


def _extra(name: str, extra: object) -> _Extra:
    # An empty field of the form arrives as null or "", a number in a URI as text.
    try:
        fields = msgspec.convert(extra, dict[str, object])
        given = {field: value for field, value in fields.items() if value not in (None, "")}
        return msgspec.convert(given, _Extra, strict=False)
    except msgspec.ValidationError as refused:
        reason = str(refused)
    msg = f"{name}: the extra is wrong ({reason})"
    raise ConfigurationError(msg)
