"""Clients that refresh many targets through an outage: ours, and two written by hand.

``python -m benchmarks.outages.clients CLIENT KIND URL TARGETS`` runs one of them, and
prints its `Outcome` as JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import aiohttp
import tenacity
from aiohttp.abc import AbstractResolver, ResolveResult

from altcraft_async import AltcraftClient, Completed

__all__ = ["CLIENTS", "Outcome"]

IN_FLIGHT = 100


class Outcome(NamedTuple):
    """What came of a run.

    Attributes:
        completed: Targets with a result.
        ambiguous: Targets that failed and may have been started.
        failed: Targets that failed otherwise.
        seconds: How long it took.
    """

    completed: int
    ambiguous: int
    failed: int
    seconds: float = 0.0


class FailingResolver(AbstractResolver):
    """Resolves any name to 127.0.0.1, while that port answers."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Fail while nothing listens on the port."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            msg = f"{host}: name or service not known"
            raise OSError(msg) from None
        writer.close()
        address = ResolveResult(
            hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0
        )
        return [address]

    async def close(self) -> None:
        """Hold nothing."""


def session_of(kind: str) -> aiohttp.ClientSession:
    """Return a session, with a name service that fails where that is the outage."""
    resolver = FailingResolver() if kind == "dns" else None
    connector = aiohttp.TCPConnector(
        limit=0, resolver=resolver, use_dns_cache=False, force_close=False
    )
    # As long as ours waits for an answer; aiohttp's default is five minutes.
    timeout = aiohttp.ClientTimeout(total=30)
    return aiohttp.ClientSession(connector=connector, timeout=timeout)


async def ours(url: str, kind: str, targets: int) -> Outcome:
    """Run `refresh_many`."""
    completed = ambiguous = failed = 0
    with warnings.catch_warnings(action="ignore"):  # of plain HTTP to a name that is this machine
        mine = AltcraftClient(url, "token", session=(session := session_of(kind)))
    async with session, mine:
        wanted = ((number, 1) for number in range(1, targets + 1))
        async for outcome in mine.resources.refresh_many(wanted, in_flight=IN_FLIGHT):
            if isinstance(outcome, Completed):
                completed += 1
            elif outcome.error.maybe_delivered:
                ambiguous += 1
            else:
                failed += 1
    return Outcome(completed, ambiguous, failed)


Call = Callable[[str, Mapping[str, object]], Awaitable[Mapping[str, Any]]]


async def by_hand(url: str, kind: str, targets: int, retrying: Callable[[Call], Call]) -> Outcome:
    """Start and poll in a task each, as most would write it."""
    outcomes = {"completed": 0, "ambiguous": 0, "failed": 0}
    slots = asyncio.Semaphore(IN_FLIGHT)
    async with session_of(kind) as session:

        @retrying
        async def call(path: str, body: Mapping[str, object]) -> Mapping[str, Any]:
            async with session.post(f"{url}/api/v1.1/{path}", json={"token": "t", **body}) as got:
                got.raise_for_status()
                answer: Mapping[str, Any] = await got.json()
                return answer

        async def refresh(target: int) -> None:
            async with slots:
                try:
                    path, body = "resources/refresh_counters", {"id": target, "list_id": 1}
                    task = (await call(path, body))["data"]["task_id"]
                    delay = 0.5
                    while (await call("tasks/status", {"task_id": task}))["data"][
                        "status"
                    ] != "completed":
                        await asyncio.sleep(delay * random.random())  # noqa: S311 -- no secret
                        delay = min(2 * delay, 10)
                    outcomes["completed"] += 1
                except aiohttp.ClientConnectorError:
                    outcomes["failed"] += 1
                except (aiohttp.ClientError, TimeoutError, KeyError):
                    outcomes["ambiguous"] += 1

        await asyncio.gather(*(refresh(number) for number in range(1, targets + 1)))
    return Outcome(**outcomes)


def with_tenacity(call: Call) -> Call:
    """Retry as tenacity's documents show: five attempts, random exponential waits."""
    return tenacity.retry(
        retry=tenacity.retry_if_exception_type((aiohttp.ClientError, TimeoutError)),
        stop=tenacity.stop_after_attempt(5),
        wait=tenacity.wait_random_exponential(multiplier=0.5, max=10),
        reraise=True,
    )(call)


def with_stamina(call: Call) -> Call:
    """Retry with stamina's defaults: ten attempts within 45 seconds; without its log."""
    import stamina  # noqa: PLC0415 -- of the extra `bench`, and tests import this module without

    stamina.instrumentation.set_on_retry_hooks([])
    return stamina.retry(on=(aiohttp.ClientError, TimeoutError))(call)


CLIENTS: Mapping[str, Callable[[str, str, int], Awaitable[Outcome]]] = {
    "ours": ours,
    "tenacity": lambda url, kind, targets: by_hand(url, kind, targets, with_tenacity),
    "stamina": lambda url, kind, targets: by_hand(url, kind, targets, with_stamina),
}


async def _run(name: str, kind: str, url: str, targets: int) -> Outcome:
    began = time.perf_counter()
    outcome = await CLIENTS[name](url, kind, targets)
    return outcome._replace(seconds=time.perf_counter() - began)


if __name__ == "__main__":
    client, outage, root, number = sys.argv[1:]
    print(json.dumps(asyncio.run(_run(client, outage, root, int(number)))))
