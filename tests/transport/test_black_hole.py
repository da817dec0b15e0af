"""A platform that takes connections and requests and never answers them, for a while."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from altcraft_async import Completed, Constant, Failed, RequestTimeoutError
from tests.faults.tasks import DONE
from tests.support.api_calls import RUNNING, client_of
from tests.support.loop_time import now
from tests.support.recording_observer import Recorder
from tests.support.scripted_server import Received, ScriptedServer, Step, answer

if TYPE_CHECKING:
    from altcraft_async import AltcraftClient, CountersReport

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("nothing_left")]

BEGIN = 3.0
TASK_SECONDS = 4.0
KNOWN_WITHIN = 5.0
EMPTY_LIST = answer('{"error": 0, "data": []}')


class Hole:
    """A platform whose requests vanish between two moments.

    Attributes:
        begin: When it begins.
        end: When the platform answers again.
        starts: Starts that it acted on, by target.
        vanished: Requests that have vanished, by method.
        after_starts: Number of starts after which it begins at once, and lasts as long.
    """

    def __init__(self, begin: float, end: float, *, back_slowly: float = 0.0) -> None:
        """Answer after ``back_slowly`` seconds from the end on."""
        self.begin, self.end = begin, end
        self.starts: Counter[int] = Counter()
        self.vanished: Counter[str] = Counter()
        self.after_starts = math.inf
        self._back_slowly = back_slowly
        self._ends: dict[str, float] = {}

    def __call__(self, request: Received) -> Step:
        """Answer, later or never."""
        method = request.target.partition("/api/v1.1/")[2]
        if self.begin <= request.at < self.end:
            self.vanished[method] += 1
            return Step(then="deaf")
        step = self._answer(method, json.loads(request.body))
        if request.at < self.end or not self._back_slowly:
            return step
        due = asyncio.Event()
        asyncio.get_running_loop().call_later(self._back_slowly, due.set)
        return step._replace(after=due)

    def _answer(self, method: str, fields: dict[str, object]) -> Step:
        if method == "resources/list":
            return EMPTY_LIST
        if method == "tasks/status":
            return DONE if now() >= self._ends.get(str(fields["task_id"]), math.inf) else RUNNING
        target = int(str(fields["id"]))
        self.starts[target] += 1
        if self.starts.total() == self.after_starts:
            self.begin, self.end = now(), now() + self.end - self.begin
        self._ends[f"t{target}"] = now() + TASK_SECONDS
        return answer(json.dumps({"error": 0, "data": {"task_id": f"t{target}"}}))


async def ends(client: AltcraftClient, handles: int) -> list[float]:
    """Start so many refreshes and wait for all; return when each was known to be over."""

    async def wait(number: int) -> float:
        handle = await client.resources.refresh_counters(number, database_id=1)
        await handle
        return now()

    return await asyncio.gather(*map(wait, range(1, handles + 1)))


@pytest.mark.parametrize(
    ("seconds", "handles"),
    [
        *itertools.product([1.5, 5.0, 20.0, 45.0], [6]),
        (20.0, 100),
        *(pytest.param(seconds, 100, marks=pytest.mark.slow) for seconds in (1.5, 5.0, 45.0)),
    ],
)
async def test_tasks_that_ended_in_a_black_hole_are_known_within_seconds_of_the_return(
    server: ScriptedServer, seconds: float, handles: int
) -> None:
    server.otherwise = hole = Hole(BEGIN, BEGIN + seconds)
    async with client_of(server.url, poll=Constant(0.7)) as client:
        known = await ends(client, handles)
    assert max(known) <= hole.end + KNOWN_WITHIN
    assert hole.starts == dict.fromkeys(range(1, handles + 1), 1)


async def test_few_tasks_that_ended_in_a_black_hole_are_known_within_seconds_of_the_return(
    server: ScriptedServer,
) -> None:
    """Two polls that hang are no outage at once; probes that hang as well make one."""
    server.otherwise = hole = Hole(BEGIN, BEGIN + 20)
    async with client_of(server.url, poll=Constant(0.7)) as client:
        assert max(await ends(client, 2)) <= hole.end + KNOWN_WITHIN


async def test_run_through_a_black_hole_ends_seconds_after_the_rest_is_done(
    server: ScriptedServer,
) -> None:
    """The starts under way hang; they come out as ambiguous, and no target is started twice."""
    server.otherwise = hole = Hole(1000, 1000 + 20)
    in_flight, targets = 10, [(number, 1) for number in range(1, 31)]
    outcomes: list[Completed[CountersReport] | Failed] = []
    failed_at = 0.0
    async with client_of(server.url, poll=Constant(0.5)) as client:
        hole.after_starts = in_flight / 2
        async for outcome in client.resources.refresh_many(targets, in_flight=in_flight):
            outcomes.append(outcome)
            failed_at = now() if isinstance(outcome, Failed) else failed_at
        waves = math.ceil((len(targets) - in_flight) / in_flight)
        assert now() <= hole.end + 1.5 * waves * (TASK_SECONDS + 0.5) + KNOWN_WITHIN
    assert hole.end < failed_at <= hole.end + KNOWN_WITHIN
    failed = [one for one in outcomes if isinstance(one, Failed)]
    assert len(failed) == hole.vanished["resources/refresh_counters"] <= in_flight
    assert all(isinstance(one.error, RequestTimeoutError) for one in failed)
    assert all(one.error.maybe_delivered for one in failed)
    assert sum(isinstance(one, Completed) for one in outcomes) == len(targets) - len(failed)
    assert max(hole.starts.values()) == 1


async def test_read_that_hangs_is_sent_again_after_the_return(server: ScriptedServer) -> None:
    server.otherwise = hole = Hole(BEGIN, BEGIN + 20)
    async with client_of(server.url, poll=Constant(0.7)) as client:
        waiting = asyncio.create_task(ends(client, 6))
        await asyncio.sleep(BEGIN + 0.5)
        read = asyncio.create_task(client.tasks.status("t1"))
        await read
        assert now() <= hole.end + KNOWN_WITHIN
        await waiting


async def test_requests_in_a_black_hole_are_few(server: ScriptedServer) -> None:
    server.otherwise = hole = Hole(BEGIN, BEGIN + 60)
    async with client_of(server.url, poll=Constant(0.7)) as client:
        await ends(client, 100)
    assert hole.vanished["resources/list"] <= 60
    assert sum(hole.vanished.values()) <= 60 + 32


async def test_platform_that_comes_back_slowly_ends_the_outage(server: ScriptedServer) -> None:
    """Its answer to a probe comes when the next probe is under way already."""
    server.otherwise = hole = Hole(BEGIN, BEGIN + 10, back_slowly=3.5)
    async with client_of(server.url, poll=Constant(0.7)) as client:
        known = await ends(client, 10)
    assert max(known) <= hole.end + 3 * 3.5 + KNOWN_WITHIN


async def test_slow_answer_is_no_outage_and_costs_no_probe(server: ScriptedServer) -> None:
    recorder, slow = Recorder(), asyncio.Event()
    server.script(RUNNING._replace(after=slow))
    async with client_of(server.url, observer=recorder) as client:
        asyncio.get_running_loop().call_later(20, slow.set)
        await client.tasks.status("t1")
        assert now() == pytest.approx(20)
    assert "outage_began" not in recorder.names
    assert len(server.received) == 1


async def test_two_slow_answers_are_no_outage_and_cost_a_few_probes(
    server: ScriptedServer,
) -> None:
    recorder, slow = Recorder(), asyncio.Event()
    in_time = RUNNING._replace(after=slow)
    server.otherwise = lambda request: EMPTY_LIST if "list" in request.target else in_time
    async with client_of(server.url, observer=recorder) as client:
        asyncio.get_running_loop().call_later(20, slow.set)
        await asyncio.gather(*(client.tasks.status(task) for task in ("t1", "t2")))
        assert now() == pytest.approx(20)
    assert "outage_began" not in recorder.names
    methods = Counter(request.target.rpartition("/")[2] for request in server.received)
    assert methods["status"] == 2
    assert 1 <= methods["list"] <= 3
