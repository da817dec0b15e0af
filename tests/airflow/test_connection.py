"""Clients from connections."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import Connection

from altcraft_async import ConfigurationError
from altcraft_async.integrations.airflow.connection import client_from


@pytest.mark.parametrize(
    ("host", "port", "root"),
    [
        ("https://example.com", None, "https://example.com/api/v1.1"),
        ("example.com", None, "https://example.com/api/v1.1"),
        ("example.com", 8443, "https://example.com:8443/api/v1.1"),
        ("https://example.com/proxy", 8443, "https://example.com:8443/proxy/api/v1.1"),
    ],
)
def test_host_with_or_without_scheme_port_and_path_is_a_url(
    host: str, port: int | None, root: str
) -> None:
    connection = Connection(
        conn_id="one", conn_type="altcraft", host=host, port=port, password="secret"
    )
    assert f"<AltcraftClient {root} json " in repr(client_from(connection))


def test_connection_from_a_uri_has_typed_options() -> None:
    uri = "altcraft://:secret@example.com:8443?format=xml&token_in=header&rate_limit=20"
    client = client_from(Connection.from_uri(uri, conn_id="one"))
    assert f"{client!r}" == "<AltcraftClient https://example.com:8443/api/v1.1 xml unopened>"


def test_empty_fields_of_the_form_are_defaults() -> None:
    extra = json.dumps({"format": None, "rate_limit": None, "token_in": ""})
    client = client_from(
        Connection(conn_id="one", host="example.com", password="secret", extra=extra)
    )
    assert " json " in repr(client)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"host": "example.com"}, "connection one: the password has to be the API token"),
        ({"password": "secret"}, "connection one: the host has to be the URL"),
        ({"host": "https://[", "password": "secret"}, "base_url|host"),
        ({"host": "https://[", "port": 1, "password": "secret"}, "connection one: the host is not"),
        (
            {"host": "example.com", "password": "secret", "extra": '{"rate": 1}'},
            "connection one: the extra is wrong .*`rate`",
        ),
        (
            {"host": "example.com", "password": "secret", "extra": '{"format": "yaml"}'},
            "connection one: the extra is wrong .*yaml",
        ),
    ],
)
def test_wrong_field_is_named_without_the_token(fields: dict[str, str | int], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as refused:
        client_from(Connection(conn_id="one", **fields))  # type: ignore[arg-type]  # fields of one case each
    assert "secret" not in str(refused.value)
