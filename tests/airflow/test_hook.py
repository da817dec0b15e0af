"""The connection type: its form, what it may hold, and its Test button."""

from __future__ import annotations

import json
from typing import cast

import pytest
from airflow.providers_manager import ProvidersManager
from airflow.sdk import Connection

from altcraft_async import ConfigurationError
from altcraft_async.integrations.airflow import AltcraftHook
from altcraft_async.integrations.airflow.connection import client_from
from altcraft_async.simulator import Simulator
from tests.airflow.connections import stored


def test_form_asks_for_address_and_token() -> None:
    """Airflow finds the connection type by the entry point, without importing the hook."""
    providers = ProvidersManager()  # type: ignore[no-untyped-call]  # Airflow's
    assert providers.hooks["altcraft"] is not None
    forms = cast("dict[str, dict[str, object]]", providers.field_behaviours)
    assert forms["altcraft"]["relabeling"] == {"host": "Address", "password": "API token"}
    fields = {
        widget.field_name
        for name, widget in providers.connection_form_widgets.items()
        if name.startswith("extra__altcraft__")
    }
    assert fields == {"format", "token_in", "rate_limit", "request_timeout"}


@pytest.mark.parametrize(
    ("host", "port", "root"),
    [
        ("https://example.com", None, "https://example.com/api/v1.1"),
        ("example.com", None, "https://example.com/api/v1.1"),
        ("example.com", 8443, "https://example.com:8443/api/v1.1"),
        ("https://example.com/proxy", 8443, "https://example.com:8443/proxy/api/v1.1"),
    ],
)
def test_host_is_the_address(host: str, port: int | None, root: str) -> None:
    """With or without scheme, port and path."""
    connection = Connection(
        conn_id="one", conn_type="altcraft", host=host, port=port, password="secret"
    )
    assert f"<AltcraftClient {root} json " in repr(client_from(connection))


def test_connection_can_be_a_uri() -> None:
    """As in the environment; figures in it are texts, and are read as figures."""
    uri = "altcraft://:secret@example.com:8443?format=xml&token_in=header&rate_limit=20"
    client = client_from(Connection.from_uri(uri, conn_id="one"))
    assert f"{client!r}" == "<AltcraftClient https://example.com:8443/api/v1.1 xml unopened>"


def test_empty_fields_of_the_form_are_left_out() -> None:
    """They arrive as null or as an empty text."""
    extra = json.dumps({"format": None, "rate_limit": None, "token_in": ""})
    client = client_from(
        Connection(conn_id="one", host="example.com", password="secret", extra=extra)
    )
    assert " json " in repr(client)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"host": "example.com"}, "connection one: the password has to be the API token"),
        ({"password": "secret"}, "connection one: the host has to be the URL"),
        ({"host": "https://[", "password": "secret"}, "base_url|host"),
        ({"host": "https://[", "port": 1, "password": "secret"}, "connection one: the host is no"),
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
def test_wrong_connection_is_named(fields: dict[str, str | int], said: str) -> None:
    """So is the field, and the token is not shown."""
    with pytest.raises(ConfigurationError, match=said) as refused:
        client_from(Connection(conn_id="one", **fields))  # type: ignore[arg-type]  # fields of one case each
    assert "secret" not in str(refused.value)


@pytest.mark.usefixtures("server")
def test_button_says_that_the_platform_takes_the_token() -> None:
    """It asks for one resource."""
    assert AltcraftHook().test_connection() == (True, "The platform answers and accepts the token")


def test_button_says_why_not(server: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that is refused is one reason."""
    monkeypatch.setenv("AIRFLOW_CONN_WRONG", stored(server.url, "wrong"))
    works, said = AltcraftHook("wrong").test_connection()
    assert not works
    assert "401" in said
