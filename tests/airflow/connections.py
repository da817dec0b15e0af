"""A connection as JSON, for an environment variable."""

from __future__ import annotations

import json


def connection_json(host: str, token: str) -> str:
    """Return the value of ``AIRFLOW_CONN_…``."""
    # Short, because a retry waits until a start whose answer was lost must have ended.
    extra = {"request_timeout": 0.5}
    fields = {"conn_type": "altcraft", "host": host, "password": token, "extra": extra}
    return json.dumps(fields)
