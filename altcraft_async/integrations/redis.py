"""What several processes share in Redis: the ledger of starts, and one rate.

Needs the extra ``redis``. How Redis has to be set up for that is said in
`docs/guides/many-workers.md`.
"""

# redis-py leaves its **kwargs without types:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from inspect import isawaitable
from types import TracebackType
from typing import Self, TypeVar

from pyrate_limiter import GCRA, Rate, RedisStateStore, StateStore
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as UnreachableError
from redis.exceptions import TimeoutError as LateError

from altcraft_async.errors import LedgerError
from altcraft_async.integrations._redis import checked_address, patient
from altcraft_async.models import LedgerEntry
from altcraft_async.models.validation import checked_kind, checked_positive, checked_text
from altcraft_async.observer import logger
from altcraft_async.starts.ledger import TaskLedger

__all__ = ["FleetLimit", "RedisLedger", "fleet_limit"]

T = TypeVar("T")

_WEEK = 7 * 86_400.0

_PAGE = 500
"""Keys asked for at once when all entries are listed, so that Redis serves others in between."""

_CONNECTIONS = 16
"""Commands under way at once; redis-py refuses more than 100 by default, and they are short."""

_RETRIES = 6
"""Tries after a failed one, over some four seconds, so that nobody hears of a quick restart."""

_SECOND_US = 1_000_000

_LONGEST_PAUSE = 5.0
"""Seconds between two tries to reach Redis, which has waited and tried by itself before each."""

# A write whose answer was lost is sent again by redis-py: what is stored is then what was to be.
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

    One short string a target, below ``<prefix>ledger:``. Costs three small
    commands a start and two more at its end. When Redis cannot be reached,
    nothing is started: every method raises a `LedgerError`.

    ```python
    from altcraft_async import AltcraftClient
    from altcraft_async.integrations.redis import RedisLedger

    ledger = RedisLedger("redis://localhost:6379")
    durable = AltcraftClient("https://example.com", token="…", ledger=ledger)
    ```
    """

    def __init__(
        self, redis: Redis | str, *, prefix: str = "altcraft:", keep: float = _WEEK
    ) -> None:
        """Describe the store; nothing is opened yet.

        Args:
            redis: Address such as ``"redis://localhost:6379/0"``, whose
                connections are closed with the ledger, or a
                ``redis.asyncio.Redis`` of yours, which is not closed.
            prefix: What the names of its keys begin with. All workers need the same.
            keep: Seconds for which an entry is kept after its task is over, so
                that a call repeated with the same ``idempotency_key`` finds it.
                Entries that are not over never expire.

        Raises:
            ConfigurationError: An argument is wrong; the text names it.
        """
        self._redis, self._owned = _opened(redis)
        self._prefix = checked_text("prefix", prefix) + "ledger:"
        self._keep = math.ceil(checked_positive("keep", keep) * 1000)
        self._connections = asyncio.Semaphore(_CONNECTIONS)
        self._closed = False

    async def read(self, key: str) -> LedgerEntry | None:
        """Return the entry with this key; ``None`` where there is none."""
        stored = await self._answer(partial(self._open().get, self._prefix + key))
        return None if stored is None else LedgerEntry.from_json(stored)

    async def write(self, entry: LedgerEntry, *, expected: int) -> bool:
        """Store an entry if its key has the expected revision, and say whether it had."""
        keep = self._keep if entry.over else ""
        arguments = entry.to_json(), expected, keep
        script = self._open().register_script(_WRITE)
        return bool(await self._answer(partial(script, [self._prefix + entry.key], arguments)))

    async def entries(self) -> AsyncGenerator[LedgerEntry, None]:
        """Iterate over the entries that are not over; walks through all keys of the database."""
        pattern = re.sub(r"([*?\[\]\\])", r"\\\1", self._prefix) + "*"
        seen: set[str] = set()  # as SCAN may say a key twice
        cursor = -1
        while cursor != 0:
            scan = partial(self._open().scan, max(cursor, 0), match=pattern, count=_PAGE)
            cursor, keys = await self._answer(scan)
            for entry in await self._entries(keys):
                if not entry.over and entry.key not in seen:
                    seen.add(entry.key)
                    yield entry

    async def aclose(self) -> None:
        """Close what was opened here."""
        self._closed = True
        if self._owned:
            await self._redis.aclose()

    async def _entries(self, keys: list[bytes | str]) -> list[LedgerEntry]:
        stored = await self._answer(partial(self._open().mget, keys)) if keys else []
        return [LedgerEntry.from_json(one) for one in stored if one is not None]

    def _open(self) -> Redis:
        if self._closed:
            msg = "ledger: is closed"
            raise LedgerError(msg)
        return self._redis

    async def _answer(self, command: Callable[[], Awaitable[T]]) -> T:
        try:
            async with self._connections:
                return await command()
        except RedisError as error:
            refused = f"{type(error).__name__}: {error}"
        # Outside the block, whose own error carries frames of redis-py, and its password.
        msg = f"ledger: Redis cannot be used ({refused})"
        raise LedgerError(msg)


class FleetLimit:
    """Requests a second over all clients that share it; awaiting a call waits for the next place.

    Made by `fleet_limit`. Each place is taken in Redis ahead of its time, so
    that those who wait are let through in the order in which they came,
    wherever they run, and by the clock of Redis alone.
    """

    def __init__(self, redis: Redis | str, *, name: str, per_second: float, prefix: str) -> None:
        """Describe the limit; nothing is opened yet."""
        self._redis, self._owned = _opened(redis)
        per_second = checked_positive("per_second", per_second)
        key = checked_text("prefix", prefix) + "limit:" + checked_text("name", name)
        each = math.ceil(_SECOND_US / per_second)
        # Kept for a thousand places and a minute: longer than anybody takes one ahead of time.
        self._store: StateStore = RedisStateStore(self._redis, key, ttl_ms=each + 60_000)
        # A million in so long, as what is between two places has to be exact to the microsecond.
        # Places come at whole milliseconds, which would cost much of them where they are close.
        self._rate = Rate(1_000_000, each * 1000, burst=1 + int(per_second / 100))
        self._turn = asyncio.Lock()
        self._down = False

    async def __call__(self) -> None:
        """Wait until one more request may be sent.

        While Redis cannot be reached nobody is let through.

        Raises:
            redis.exceptions.RedisError: Redis refuses, for a wrong password for example.
        """
        pause = 0.05
        while True:
            try:
                async with self._turn:
                    now = await self._now()
                    wait = await self._place(now) - now
            except AuthenticationError:
                raise
            except (UnreachableError, LateError) as error:
                self._note_down(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                break
        self._down = False
        await asyncio.sleep(wait / 1000)

    async def __aenter__(self) -> Self:
        """Return itself; opening is left to the first use."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close what was opened here; places taken by others are left."""
        if self._owned:
            await self._redis.aclose()

    async def _now(self) -> int:
        """Return the next whole millisecond by the clock of Redis."""
        seconds, micros = await self._redis.time()
        return -(-(seconds * _SECOND_US + micros) // 1000)

    async def _place(self, at: int) -> int:
        """Take the next free place from that millisecond on; return that of the place."""
        while True:
            decision = self._store.check(GCRA(), [self._rate], at, 1)
            if isawaitable(decision):
                decision = await decision
            if decision.allowed:
                return at
            at += decision.retry_after_ms or 1

    def _note_down(self, error: Exception) -> None:
        if not self._down:
            self._down = True
            logger.warning("nothing is sent until Redis can be reached again (%s)", error)


def fleet_limit(
    redis: Redis | str, *, name: str, per_second: float, prefix: str = "altcraft:"
) -> FleetLimit:
    """Make the ``shared_limit`` of all clients that name the same limit in the same Redis.

    Requests are spread evenly, and a pause is not saved up. The limit adds
    two or three small commands to each request, and at most some milliseconds.

    ```python
    from altcraft_async import AltcraftClient
    from altcraft_async.integrations.redis import fleet_limit

    limit = fleet_limit("redis://localhost:6379", name="altcraft", per_second=20)
    polite = AltcraftClient("https://example.com", token="…", shared_limit=limit)
    ```

    Args:
        redis: Address, or a ``redis.asyncio.Redis`` of yours, as for `RedisLedger`.
        name: Of the limit; clients with the same one share it, and need the
            same ``per_second``.
        per_second: Requests a second at most, over all of them. Above 100, a
            hundredth of them may leave at once.
        prefix: What the name of its key begins with.

    Raises:
        ConfigurationError: An argument is wrong; the text names it.
    """
    return FleetLimit(redis, name=name, per_second=per_second, prefix=prefix)


def _opened(redis: Redis | str) -> tuple[Redis, bool]:
    """Return a client, and whether it was made here."""
    if not isinstance(redis, str):
        checked_kind("redis", redis, Redis)
        return redis, False
    return Redis.from_url(checked_address("redis", redis), retry=patient(_RETRIES)), True
