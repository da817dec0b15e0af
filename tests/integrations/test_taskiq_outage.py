"""Jobs while the platform does not answer."""

from __future__ import annotations

import asyncio

import pytest

from altcraft_async import Retry
from altcraft_async.integrations.taskiq import RefreshError
from tests.integrations.test_taskiq import item, result_of, worker
from tests.support.polling_until import until

pytestmark = pytest.mark.looptime


async def test_job_is_put_back_in_an_outage_and_fails_when_the_patience_is_over() -> None:
    """It fails with one attempt allowed, so that an outage counts as no failed attempt."""
    retry = Retry(attempts=10, first=0.01)
    async with worker(patience=3.0, attempts=1, retry=retry) as here:
        await here.server.stop()
        began = asyncio.get_running_loop().time()
        result = await here.result()
        assert asyncio.get_running_loop().time() - began > 2.5
        await here.server.start()
    error = result.error
    assert isinstance(error, RefreshError)
    assert error.error == "PlatformUnavailableError"
    assert not here.server.starts


async def test_job_whose_task_runs_fails_when_the_patience_is_over() -> None:
    async with worker(duration=60.0, wait=0.5, patience=3.0, attempts=1) as here:
        job = await here.refreshes.enqueue((24, 1))
        await until(here.has_sent_a_start)
        await asyncio.sleep(0.2)
        await here.server.stop()
        result = await result_of(job)
        await here.server.start()
    error = result.error
    assert isinstance(error, RefreshError)
    assert error.error == "PlatformUnavailableError"
    assert error.ref is not None


async def test_job_is_done_after_an_outage() -> None:
    async with worker(attempts=1, retry=Retry(attempts=10, first=0.01)) as here:
        await here.server.stop()
        job = await here.refreshes.enqueue((24, 1))
        await asyncio.sleep(1)
        await here.server.start()
        assert item(await result_of(job), "report")
        assert here.server.starts == {("resource", (24, 1)): 1}
