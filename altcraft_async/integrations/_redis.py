"""Clients of Redis, and what their errors mean.

An error of redis-py has frames that hold the password, so none leaves this module. Nor
does a variable of a frame hold a URL once an error is raised.
"""

# redis-py does not annotate its **kwargs:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import TypeVar
from urllib.parse import unquote

from redis.asyncio import ConnectionPool, Redis, SSLConnection
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from altcraft_async.errors import ConfigurationError
from altcraft_async.models.validation import checked_kind, text_fault

__all__ = ["RedisFailure", "checked_redis_url", "client_of", "command_retry", "run_command"]

T = TypeVar("T")

COMMAND_SECONDS = 10.0
"""Seconds for a command: enough to give up a connection that froze and to try another one."""

_UNAVAILABLE: tuple[type[RedisError], ...] = (
    RedisConnectionError,  # also LOADING and NOAUTH
    RedisTimeoutError,
    ReadOnlyError,
    ClusterDownError,  # also MASTERDOWN
)
"""The server is away, or not the right one any more; a new connection may find the right one."""


_REPLIES = ("protocol", "legacy_responses", "decode_responses", "encoding", "encoding_errors")
"""Options of a URL that decide the shape of replies; what reads the replies chooses it."""

_TEXTS = ("host", "path", "username", "password", "client_name", "lib_name", "lib_version")
"""Options of a URL that are texts."""

_POSITIVE = ("socket_timeout", "socket_connect_timeout", "socket_read_size")
"""Options of a URL with which no command succeeds unless they are above zero."""


class RedisFailure(Exception):  # noqa: N818 -- no error that a caller gets
    """A command failed; the caller raises an error of its own.

    Attributes:
        may_pass: Whether the same command may succeed later.
    """

    def __init__(self, text: str, *, may_pass: bool) -> None:
        """Keep the text."""
        super().__init__(text)
        self.may_pass = may_pass


def checked_redis_url(name: str, url: str) -> str:
    """Return a valid URL without the options that the package chooses; no error quotes it."""
    fault = text_fault(url)
    if fault is None:
        with suppress(Exception):  # whose texts may quote a password
            if _are_usable(parse_url(url)):
                pool = ConnectionPool.from_url(url)
                connection = pool.connection_class(**pool.connection_kwargs)  # checks them too
                if isinstance(connection, SSLConnection):
                    connection.ssl_context.get()  # reads the certificates
                return _without_reply_options(url)
        fault = "has to be a URL such as redis://localhost:6379/0, with valid options"
    del url
    msg = f"{name}: {fault}"
    raise ConfigurationError(msg)


def _without_reply_options(url: str) -> str:
    address, mark, query = url.partition("?")
    options = [one for one in query.split("&") if unquote(one.partition("=")[0]) not in _REPLIES]
    return f"{address}{mark}{'&'.join(options)}".removesuffix("?")


def _are_usable(options: Mapping[str, object]) -> bool:
    """Tell whether redis-py takes no option of a URL, always a text at first, for an object."""
    for name, value in options.items():
        is_text = name in _TEXTS or name in _REPLIES or name.startswith("ssl_")
        if isinstance(value, str) and not is_text:
            return False
        if name in _POSITIVE and not (isinstance(value, (int, float)) and 0 < value < math.inf):
            return False
    return True


def client_of(redis: Redis | str, *, retries: int) -> tuple[Redis, bool]:
    """Return a client, and whether it was made here."""
    try:
        if isinstance(redis, str):
            url = checked_redis_url("redis", redis)
            return Redis.from_url(url, retry=command_retry(retries)), True
        checked_kind("redis", redis, Redis)
        return redis, False
    finally:
        del redis


def command_retry(retries: int) -> Retry:
    """Make redis-py retry a command so often, each time on a new connection.

    The delays are a second at most.
    """
    return Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.1), retries, _UNAVAILABLE)


async def run_command(
    redis: Redis, command: Callable[[], Awaitable[T]], turn: AbstractAsyncContextManager[object]
) -> T:
    """Await a command of this client, and before it the turn to send one.

    One limit holds for both and for all retries, so that commands at once fail at once
    and not one after the other.

    Raises:
        RedisFailure: It failed, or took more than `COMMAND_SECONDS`.
    """
    # A task of its own, as redis-py does not end each time that it is cancelled.
    running = asyncio.create_task(_run(redis, command, turn))
    running.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    try:
        await asyncio.wait({running}, timeout=COMMAND_SECONDS)
        if running.done():
            return running.result()
    finally:
        running.cancel()
    msg = f"no answer within {COMMAND_SECONDS:g} seconds"
    raise RedisFailure(msg, may_pass=True)


async def _run(
    redis: Redis, command: Callable[[], Awaitable[T]], turn: AbstractAsyncContextManager[object]
) -> T:
    try:
        async with turn:
            return await command()
    except Exception as error:  # noqa: BLE001 -- your own client may raise anything
        is_refused = isinstance(error, ResponseError)
        may_pass = isinstance(error, _UNAVAILABLE) and not isinstance(error, AuthenticationError)
        text = f"{type(error).__name__}: {error}"
    if is_refused:  # perhaps by a server that is not the right one any more
        with suppress(Exception):
            await redis.connection_pool.disconnect(inuse_connections=False)
    raise RedisFailure(text, may_pass=may_pass)
