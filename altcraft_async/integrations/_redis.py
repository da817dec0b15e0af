"""Redis URLs, and how often redis-py retries a command."""

from __future__ import annotations

from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff

from altcraft_async.errors import ConfigurationError
from altcraft_async.models.validation import checked_text

__all__ = ["checked_redis_url", "command_retry"]


def checked_redis_url(name: str, url: str) -> str:
    """Return a valid URL; the text of the error does not quote it."""
    checked_text(name, url)
    try:
        parse_url(url)
    except (ValueError, TypeError):
        pass  # their texts may quote a password
    else:
        return url
    msg = f"{name}: has to be a URL such as redis://localhost:6379/0"
    raise ConfigurationError(msg)


def command_retry(retries: int) -> Retry:
    """Make redis-py retry a command so often, with delays of at most a second."""
    return Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.1), retries)
