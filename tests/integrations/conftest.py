"""What tests of several workers can use: a real Redis."""

from __future__ import annotations

import pytest

from tests.support.redis_server import shared_redis


@pytest.fixture
def redis_url() -> str:
    """Address of a Redis that other tests use as well."""
    return shared_redis().url
