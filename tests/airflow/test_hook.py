"""The form of the connection type, and its Test button."""

from __future__ import annotations

from typing import cast

import pytest
from airflow.providers_manager import ProvidersManager

from altcraft_async.integrations.airflow import AltcraftHook
from altcraft_async.simulator import Simulator
from tests.airflow.connections import connection_json


def test_form_has_the_fields_of_a_connection() -> None:
    """Airflow finds the connection type by the entry point."""
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


@pytest.mark.usefixtures("server")
def test_button_shows_that_the_platform_accepts_the_token() -> None:
    assert AltcraftHook().test_connection() == (True, "The platform answers and accepts the token")


def test_button_shows_why_the_platform_refuses(
    server: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WRONG", connection_json(server.url, "wrong"))
    works, message = AltcraftHook("wrong").test_connection()
    assert not works
    assert "401" in message
