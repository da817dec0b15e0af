"""A ledger of starts and a rate limit that several processes share in Redis.

Needs the extra ``redis``. `docs/guides/many-workers.md` says how to configure Redis.
"""

# redis-py does not annotate its **kwargs:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from inspect import isawaitable
from typing import Self, TypeVar

from altcraft_async.errors import ConfigurationError, LedgerError, TransportError
from altcraft_async.models import LedgerEntry
from altcraft_async.models.extras import extra
from altcraft_async.models.validation import checked_positive, checked_seconds, checked_text
from altcraft_async.observer import logger
from altcraft_async.protocol.base_url import install_of
from altcraft_async.starts.ledger import WEEK, TaskLedger

with extra("redis", "redis", "pyrate_limiter"):
    from pyrate_limiter import GCRA, Rate, RedisStateStore, StateStore
    from redis.asyncio import Redis

    from altcraft_async.integrations._redis import RedisFailure, client_of, run_command

__all__ = ["FleetLimit", "RedisLedger", "fleet_limit"]

T = TypeVar("T")

_SCAN_COUNT = 500
"""Keys per SCAN, so that Redis serves other clients in between."""

_MAX_COMMANDS = 16
"""Commands at once; redis-py fails above 100 connections, and commands are short."""

_RETRIES = 6
"""Over about four seconds, so that a quick restart of Redis goes unnoticed."""

_SECOND_US = 1_000_000

_STEP_MS = 1000
"""A clock that goes back by more was set; by less, it was perhaps corrected."""

_MIN_DELAY, _MAX_DELAY = 0.05, 5.0
"""Bounds of the seconds between attempts to reach Redis; redis-py retries within each."""

_FORGET = 30.0
"""Seconds without an attempt after which nothing is known of Redis any more."""

# redis-py resends a write whose answer was lost, so writing what is already stored succeeds.
_WRITE = """
local stored = redis.call('GET', KEYS[1])
if stored == ARGV[1] then
    return 1
end
local revision = stored and cjson.decode(stored).revision or 0
if revision ~= tonumber(ARGV[2]) then
    return 0
end
if ARGV[3] == '' then
    redis.call('SET', KEYS[1], ARGV[1])
else
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
end
return 1
"""


class RedisLedger(TaskLedger):
    """A ledger of starts in Redis, shared by all workers that use it.

    It keeps one short string per target, and one per name that another start of the target
    came after, under ``<prefix>ledger:``. A start costs three to five small commands, and
    its end two more. If Redis cannot be reached, or does not answer within
    ten seconds, every method raises a `LedgerError` and nothing is started.

    ```python
    from altcraft_async import AltcraftClient
    from altcraft_async.integrations.redis import RedisLedger

    ledger = RedisLedger("redis://localhost:6379")
    durable = AltcraftClient("https://example.com", token="…", ledger=ledger)
    ```
    """

    def __init__(
        self, redis: Redis | str, *, prefix: str = "altcraft:", keep: float = WEEK
    ) -> None:
        """Describe the store; nothing is opened yet.

        Args:
            redis: URL such as ``"redis://localhost:6379/0"``, ``rediss://`` or
                ``unix://``, whose connections are closed with the ledger, or your own
                ``redis.asyncio.Redis``, for example of a Sentinel, which is not closed.
            prefix: Start of all key names; the same in all workers.
            keep: Seconds for which an entry is kept after its task has ended, so that
                a call with the same ``idempotency_key`` finds it. Other entries never
                expire.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        try:
            self._redis, self._owned = client_of(redis, retries=_RETRIES)
        finally:
            del redis  # tools that show the variables of a traceback must not show a password
        self._prefix = checked_text("prefix", prefix) + "ledger:"
        self._keep = math.ceil(checked_positive("keep", keep) * 1000)
        most = self._redis.connection_pool.max_connections if self._owned else _MAX_COMMANDS
        self._slots = asyncio.Semaphore(min(most, _MAX_COMMANDS))
        self._closed = False

    async def read(self, key: str) -> LedgerEntry | None:
        """Return the entry with this key, or ``None``."""
        stored = await self._run(partial(self._open().get, self._prefix + key))
        return None if stored is None else LedgerEntry.from_json(stored)

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Store an entry if its key has the expected revision; return whether it had."""
        keep = self._keep if entry.over else ""
        arguments = entry.to_json(), expected, keep
        script = self._open().register_script(_WRITE)
        return bool(await self._run(partial(script, [self._prefix + entry.key], arguments)))

    async def entries(self) -> AsyncGenerator[LedgerEntry, None]:
        """Iterate over the entries that are not over; scans all keys of the database."""
        pattern = re.sub(r"([*?\[\]\\])", r"\\\1", self._prefix) + "*"
        seen: set[str] = set()  # SCAN may return a key twice
        cursor = -1
        while cursor != 0:
            scan = partial(self._open().scan, max(cursor, 0), match=pattern, count=_SCAN_COUNT)
            cursor, keys = await self._run(scan)
            for entry in await self._entries(keys):
                if not entry.over and entry.key not in seen:
                    seen.add(entry.key)
                    yield entry

    async def aclose(self) -> None:
        """Close the connections, unless they are yours."""
        self._closed = True
        if self._owned:
            await self._redis.aclose()

    async def _entries(self, keys: list[bytes | str]) -> list[LedgerEntry]:
        stored = await self._run(partial(self._open().mget, keys)) if keys else []
        return [LedgerEntry.from_json(one) for one in stored if one is not None]

    def _open(self) -> Redis:
        if self._closed:
            msg = "ledger: is closed"
            raise LedgerError(msg)
        return self._redis

    async def _run(self, command: Callable[[], Awaitable[T]]) -> T:
        try:
            return await run_command(self._redis, command, self._slots)
        except RedisFailure as failed:
            reason = str(failed)
        msg = f"ledger: Redis cannot be used ({reason})"
        raise LedgerError(msg)


class FleetLimit:
    """A request rate shared by several clients; awaiting a call waits for the next slot.

    Made by `fleet_limit`. Each slot is reserved in Redis ahead of its time and by the
    clock of Redis, so requests go out in the order in which they came, wherever they run.
    If that clock is set back, the limit begins anew: at once in a process that saw it, and
    in a new one as soon as it would wait for more than a thousand slots.
    """

    def __init__(
        self, redis: Redis | str, *, name: str, per_second: float, prefix: str, patience: float
    ) -> None:
        """Describe the limit; nothing is opened yet."""
        try:
            self._redis, self._owned = client_of(redis, retries=_RETRIES)
        finally:
            del redis  # as in `RedisLedger`
        per_second = checked_positive("per_second", per_second)
        with suppress(ConfigurationError):
            name = install_of(name)
        key = checked_text("prefix", prefix) + "limit:" + checked_text("name", name)
        interval_us = math.ceil(_SECOND_US / per_second)
        # Kept for a thousand slots and a minute: longer than any slot is reserved ahead.
        self._store: StateStore = RedisStateStore(self._redis, key, ttl_ms=interval_us + 60_000)
        self._key = key
        # A client waits for one slot at a time, so these are more than there are clients.
        self._longest = max(interval_us, _STEP_MS)
        self._longest_after_step = interval_us // 100 + _STEP_MS
        self._seen = -math.inf, 0.0
        # pyrate-limiter takes whole milliseconds, so a rate of a million per a million
        # intervals keeps the microseconds. Slots come at whole milliseconds; above 100 a
        # second the burst makes up for the rounding.
        self._rate = Rate(1_000_000, interval_us * 1000, burst=1 + int(per_second / 100))
        self._lock = asyncio.Lock()
        self._patience = checked_seconds("patience", patience)
        self._down_since: float | None = None
        self._failed_at = -math.inf
        self._reason = ""

    async def __call__(self) -> None:
        """Wait until one more request may be sent.

        Raises:
            TransportError: Redis refuses, for example a wrong password, or has not been
                reached for so long that the patience is over; nothing was sent.
        """
        delay, time = _MIN_DELAY, asyncio.get_running_loop().time
        while True:
            if self._has_given_up(time()):
                raise self._refused()
            try:
                wait = await run_command(self._redis, self._wait, self._lock)
            except RedisFailure as failed:
                reason, may_pass = str(failed), failed.may_pass
            else:
                break
            self._note_down(reason, time())
            if not may_pass:
                raise self._refused()
            if not self._has_given_up(time()):
                await asyncio.sleep(delay)
                delay = min(2 * delay, _MAX_DELAY)
        self._down_since = None
        await asyncio.sleep(wait / 1000)

    async def __aenter__(self) -> Self:
        """Return itself; the first use opens the connections."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, unless they are yours."""
        if self._owned:
            await self._redis.aclose()

    async def _wait(self) -> int:
        """Reserve the next slot; return the milliseconds until then.

        Slots that were reserved before the clock of Redis was set back are far ahead of
        it. They are dropped, so that the limit begins anew.
        """
        time = asyncio.get_running_loop().time
        asked_at, now = time(), await self._now()
        seen_now, seen_at = self._seen
        behind = seen_now + (asked_at - seen_at) * 1000 - now
        slot = await self._reserve(now)
        if slot - now > (self._longest_after_step if behind > _STEP_MS else self._longest):
            logger.warning("shared_limit: the clock of Redis went back; the limit begins anew")
            await self._redis.delete(self._key)
            slot = await self._reserve(now)
        self._seen = now, time()
        return slot - now

    async def _now(self) -> int:
        """Return the next whole millisecond by the clock of Redis."""
        seconds, micros = await self._redis.time()
        return -(-(seconds * _SECOND_US + micros) // 1000)

    async def _reserve(self, at: int) -> int:
        """Reserve the first free slot from this millisecond on; return the slot's."""
        while True:
            decision = self._store.check(GCRA(), [self._rate], at, 1)
            if isawaitable(decision):
                decision = await decision
            if decision.allowed:
                return at
            at += decision.retry_after_ms or 1

    def _note_down(self, reason: str, now: float) -> None:
        self._reason = reason
        if self._down_since is None or now - self._failed_at > _FORGET:
            self._down_since = now
            logger.warning("nothing is sent until Redis can be reached again (%s)", reason)
        self._failed_at = now

    def _has_given_up(self, now: float) -> bool:
        """Whether Redis was down for too long a moment ago, so that asking again is no use."""
        if self._down_since is None or now >= self._failed_at + _MAX_DELAY:
            return False
        return self._failed_at - self._down_since >= self._patience

    def _refused(self) -> TransportError:
        msg = f"shared_limit: Redis cannot be used, so nothing was sent ({self._reason})"
        return TransportError(msg)


def fleet_limit(
    redis: Redis | str,
    *,
    name: str,
    per_second: float,
    prefix: str = "altcraft:",
    patience: float = 60.0,
) -> FleetLimit:
    """Make the ``shared_limit`` of all clients that use the same name in the same Redis.

    Requests are spread evenly; unused slots are not saved up. The limit adds two or
    three small commands to each request, and at most some milliseconds.

    ```python
    from altcraft_async import AltcraftClient
    from altcraft_async.integrations.redis import fleet_limit

    limit = fleet_limit("redis://localhost:6379", name="altcraft", per_second=20)
    polite = AltcraftClient("https://example.com", token="…", shared_limit=limit)
    ```

    Args:
        redis: URL, or your own ``redis.asyncio.Redis``, as for `RedisLedger`.
        name: Name of the limit, or the base URL of the install in any spelling; clients
            that share it need the same ``per_second``.
        per_second: Most requests a second, over all clients. Above 100, a hundredth
            of them may leave at once.
        prefix: Start of the key name.
        patience: Seconds for which requests wait for a Redis that cannot be reached, all
            together; the next one after that fails within ten seconds. A run starts
            again what failed so, see ``outage_patience`` of the client. Polls that fail
            so count as failed ones, see ``polling_patience``.

    Raises:
        ConfigurationError: An argument is wrong; the text names it.
    """
    try:
        return FleetLimit(redis, name=name, per_second=per_second, prefix=prefix, patience=patience)
    finally:
        del redis  # as in `RedisLedger`
