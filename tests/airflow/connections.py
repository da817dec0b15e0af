"""A connection as the environment of an Airflow holds it."""

from __future__ import annotations

import json


def stored(host: str, token: str) -> str:
    """Return it as the value of ``AIRFLOW_CONN_…``."""
    # Short, as a retry waits until a start whose answer was lost cannot be under way any more.
    extra = {"request_timeout": 0.5}
    fields = {"conn_type": "altcraft", "host": host, "password": token, "extra": extra}
    return json.dumps(fields)
