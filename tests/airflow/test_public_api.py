"""The public names of the Airflow integration, which the quick suite cannot import."""

from __future__ import annotations

from tests.support.public_api import recorded, section


def test_public_api_is_as_recorded() -> None:
    module = "altcraft_async.integrations.airflow"
    assert section(module) == recorded()[module]
