"""The connection type and its form, for Airflow's list of providers."""

from __future__ import annotations

__all__ = ["get_provider_info"]


def get_provider_info() -> dict[str, object]:
    """Describe the provider, for the entry point ``apache_airflow_provider``."""
    return {
        "package-name": "altcraft-async",
        "name": "Altcraft",
        "description": "Refresh the subscription counters of the Altcraft marketing platform.",
        "connection-types": [
            {
                "connection-type": "altcraft",
                "hook-class-name": "altcraft_async.integrations.airflow.AltcraftHook",
                "hook-name": "Altcraft",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "extra"],
                    "relabeling": {"host": "Address", "password": "API token"},
                    "placeholders": {"host": "https://example.com"},
                },
                "conn-fields": {
                    "format": _choice("Format of requests", "json", "xml"),
                    "token_in": _choice("Token goes into the", "body", "header"),
                    "rate_limit": _number("Requests a second at most"),
                    "request_timeout": _number("Seconds for one request"),
                },
            }
        ],
    }


def _choice(label: str, *values: str) -> dict[str, object]:
    return {"label": label, "schema": {"type": ["string", "null"], "enum": [*values, None]}}


def _number(label: str) -> dict[str, object]:
    return {"label": label, "schema": {"type": ["number", "null"]}}
