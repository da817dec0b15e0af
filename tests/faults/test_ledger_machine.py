"""Several processes share a ledger and die at any moment, and nothing starts twice.

The loop's time is moved by hand. A process is a client whose ledger can die: from
then on none of its operations returns, and the harness cancels all work of the
process. The platform's counters show which refreshes are running.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from altcraft_async import (
    AltcraftClient,
    AltcraftError,
    Constant,
    LedgerEntry,
    Retry,
    StartUnknownError,
)
from altcraft_async.simulator import Fault, Simulator
from altcraft_async.simulator.task import Task
from tests.support.ledgers import NIGHT, MemoryLedger, MortalLedger
from tests.support.loop_time import jumping_loop
from tests.support.shared_ledger import LEASE

T = TypeVar("T")
Target = tuple[int, int]

ONE_REQUEST: Target = (1, 1)
"""Started under one name only, so there may be one start in all."""
MANY_REQUESTS: Target = (2, 1)
"""Started without a name, so it starts again after each end."""
NAMED: Target = (3, 1)
"""Started under several names, of which each may have one start."""

NAMES = ["a", "b", "c"]

TASK_SECONDS = 15.0
NUMBER = st.integers(0, 2)
SECONDS = st.sampled_from([0.0, 0.0, 0.015, 0.1, 1.0, 5.0, 20.0, 40.0])
FAULTS = [
    Fault.lost_start(),
    Fault.cut_body(),
    Fault.reset(),
    Fault.stall(20),
    Fault.stall(30),
    Fault.slow_body(5),
    Fault.refuse(403),
    Fault.status(429, retry_after=3),
    Fault.status(503),
    Fault.html(502),
]


@dataclass
class Process:
    """One process and its running work."""

    ledger: MortalLedger
    client: AltcraftClient
    work: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])


class LedgerMachine(RuleBasedStateMachine):
    """Steps of processes that share a ledger, and the invariants after each step."""

    def __init__(self) -> None:
        """Run a platform and three processes, one of them without ``reconcile_starts``."""
        super().__init__()
        self.loop = jumping_loop()
        self.stored: dict[str, LedgerEntry] = {}
        self.server = Simulator(duration=TASK_SECONDS, shows_running=True)
        self.run(self.server.start())
        self.processes = [self.process(number) for number in range(3)]
        self.dying: list[asyncio.Task[None]] = []
        self.unknown: list[LedgerEntry] = []
        self.forgotten: list[tuple[Target, datetime]] = []
        self.forgotten_names: list[str] = []
        self.given: defaultdict[str, set[str]] = defaultdict(set)

    def process(self, number: int) -> Process:
        """Return a new process."""
        ledger = MortalLedger(self.stored)
        client = AltcraftClient(
            self.server.url,
            self.server.token,
            poll=Constant(1.0),
            retry=Retry(first=0.0),
            ledger=ledger,
            reconcile_starts=number > 0,
        )
        return Process(ledger, client)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the loop until this work is done."""
        return self.loop.run_until_complete(work)

    def do(self, process: Process, work: Coroutine[Any, Any, object]) -> None:
        """Begin some work of a process."""
        task = self.loop.create_task(self.noting(work))
        process.work.add(task)
        task.add_done_callback(process.work.discard)
        self.run(asyncio.sleep(0))

    async def noting(self, work: Coroutine[Any, Any, object]) -> None:
        """Note the unknown starts and ignore any other AltcraftError."""
        try:
            await work
        except StartUnknownError as error:
            self.unknown += error.entries
        except AltcraftError:
            pass

    # Steps.

    @rule(
        number=NUMBER,
        what=st.sampled_from([ONE_REQUEST, MANY_REQUESTS, NAMED]),
        name=st.sampled_from(NAMES),
        fault=st.sampled_from([*[None] * len(FAULTS), *FAULTS]),
        dies_at=st.sampled_from([*[None] * 8, 1, 2, 3, 4, 5, 6, 7]),
        is_stored=st.booleans(),
        seconds=SECONDS,
    )
    def start(  # noqa: PLR0913 -- one argument per circumstance, all by name
        self,
        *,
        number: int,
        what: Target,
        name: str,
        fault: Fault | None,
        dies_at: int | None,
        is_stored: bool,
        seconds: float,
    ) -> None:
        """Start a refresh and wait for it; the request may fail, and the process may die."""
        process = self.processes[number]
        process.ledger.fatal, process.ledger.is_stored = dies_at, is_stored
        if fault is not None:
            self.server.misbehave("resources/refresh_counters", fault)
        key = {ONE_REQUEST: "once", MANY_REQUESTS: None, NAMED: name}[what]
        self.do(process, self.refresh(process.client, what, key))
        self.live_on(seconds)

    async def refresh(self, client: AltcraftClient, what: Target, key: str | None) -> None:
        """Start a refresh, note the task that its name was given, and wait for it."""
        resource_id, database_id = what
        handle = await client.resources.refresh_counters(
            resource_id, database_id=database_id, idempotency_key=key
        )
        if key is not None:
            self.given[key].add(handle.ref.task_id)
        await handle

    @rule(number=NUMBER, seconds=SECONDS)
    def resume(self, number: int, seconds: float) -> None:
        """Wait for all tasks in the ledger."""
        process = self.processes[number]

        async def resumed() -> None:
            async for handle in process.client.resume():
                with contextlib.suppress(AltcraftError):
                    await handle

        self.do(process, resumed())
        self.live_on(seconds)

    @rule(number=NUMBER, seconds=SECONDS)
    def kill(self, number: int, seconds: float) -> None:
        """Replace a process, whatever it is doing."""
        self.replace(number)
        self.live_on(seconds)

    @precondition(lambda self: self.unknown)
    @rule()
    def forget(self) -> None:
        """Forget an unknown start, as the error suggests."""
        entry = self.unknown.pop()
        if self.run(MemoryLedger.forget(MemoryLedger(self.stored), entry)):
            resource_id, database_id = entry.target
            self.forgotten.append(((resource_id, database_id), entry.intended_at))
            self.forgotten_names.append(entry.idempotency_key)

    def live_on(self, seconds: float) -> None:
        """Let time pass, then replace the dead processes."""
        self.run(asyncio.sleep(seconds))
        for number, process in enumerate(self.processes):
            if process.ledger.dead:
                self.replace(number)

    def replace(self, number: int) -> None:
        """Cancel all work of a process, and begin a new one."""
        process = self.processes[number]
        process.ledger.dead = True
        for task in process.work:
            task.cancel()
        self.dying.append(self.loop.create_task(process.client.aclose()))
        self.processes[number] = self.process(number)
        self.run(asyncio.sleep(0))

    # Invariants.

    def tasks(self, target: Target) -> list[Task]:
        """Return the platform's tasks of a target, in order of their start."""
        tasks = self.server.world._tasks.values()
        mine = [task for task in tasks if task.target == ("resource", target)]
        return sorted(mine, key=lambda task: task.started)

    def forgotten_starts(self, target: Target) -> list[float]:
        """Return the times of the starts that the user has forgotten."""
        return [(sent - NIGHT).total_seconds() for one, sent in self.forgotten if one == target]

    @invariant()
    def no_request_is_started_twice(self) -> None:
        """A name has one start, and one more for each that the user forgot."""
        for target, names in ((ONE_REQUEST, 1), (NAMED, len(NAMES))):
            assert len(self.tasks(target)) <= names + len(self.forgotten_starts(target))

    @invariant()
    def each_name_is_given_its_own_task(self) -> None:
        """A name has one task, and one more for each start that the user forgot."""
        for name, tasks in self.given.items():
            assert len(tasks) <= 1 + self.forgotten_names.count(name)

    @invariant()
    def no_target_is_refreshed_twice_at_once(self) -> None:
        """A start comes after the end of the previous task, unless the user forgot that start."""
        for target in (MANY_REQUESTS, NAMED):
            forgotten = self.forgotten_starts(target)
            for one, after in pairwise(self.tasks(target)):
                was_forgotten = any(sent <= one.started <= sent + LEASE for sent in forgotten)
                assert after.started >= one.end() or was_forgotten

    def teardown(self) -> None:
        """Replace all processes, and check that each target can still be started."""
        for number in range(3):
            self.replace(number)
        self.run(asyncio.sleep(200))
        self.run(self.each_target_can_be_started())
        for process in self.processes:
            self.run(process.client.aclose())
        self.run(asyncio.wait_for(asyncio.gather(*self.dying), 100))
        self.run(self.server.stop())
        self.loop.close()

    async def each_target_can_be_started(self) -> None:
        """A new process can start each target, once the user has forgotten unknown starts."""
        ledger = MemoryLedger(self.stored)
        async with AltcraftClient(self.server.url, self.server.token, ledger=ledger) as client:
            for number, _ in (ONE_REQUEST, MANY_REQUESTS, NAMED):
                await self.started(client, ledger, number)

    async def started(self, client: AltcraftClient, ledger: MemoryLedger, number: int) -> None:
        """Start a target, with an attempt for each remaining fault."""
        while True:
            try:
                report = await client.resources.refresh(number, database_id=1)
            except StartUnknownError as error:
                await ledger.forget(error.entries[0])
            except AltcraftError:
                continue  # a remaining fault; their number is limited
            else:
                assert report["email"].all
                return


@pytest.mark.parametrize("examples", [4, pytest.param(100, marks=pytest.mark.slow)])
def test_nothing_starts_twice_whichever_process_dies(examples: int) -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(max_examples=examples, stateful_step_count=30, deadline=None),
    )
