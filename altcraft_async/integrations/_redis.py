"""How Redis is reached: at which address, and how often it is tried."""

from __future__ import annotations

from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff

from altcraft_async.errors import ConfigurationError
from altcraft_async.models.validation import checked_text

__all__ = ["checked_address", "patient"]


def checked_address(name: str, address: str) -> str:
    """Return the address if it is one; the text of the error quotes nothing of it."""
    checked_text(name, address)
    try:
        parse_url(address)
    except (ValueError, TypeError):
        pass  # whose text may quote a password
    else:
        return address
    msg = f"{name}: has to be an address such as redis://localhost:6379/0"
    raise ConfigurationError(msg)


def patient(retries: int) -> Retry:
    """Have redis-py try a command again so often, at most a second after the last time."""
    return Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.1), retries)
