"""google-api-core: an `AsyncFuture` per refresh, polled by its own retry at its own delays."""

from __future__ import annotations

from google.api_core.future.async_future import AsyncFuture

from benchmarks.contenders.aiohttp_api import AiohttpApi
from benchmarks.contenders.end_to_end.runner import main_task_each


class Operation(AsyncFuture):
    """Polls a task."""

    def __init__(self, api: AiohttpApi, task_id: str) -> None:
        """Poll this task."""
        super().__init__()  # type: ignore[no-untyped-call]  # has no types
        self._api = api
        self._task_id = task_id

    async def done(self, retry: object = None) -> bool:  # noqa: ARG002 -- as google-api-core declares it
        """Poll; tell whether the task has completed."""
        data = await self._api.status(self._task_id)
        if data["status"] != "completed":
            return False
        self.set_result(data["result"])  # type: ignore[no-untyped-call]  # likewise
        return True

    async def cancel(self) -> bool:
        """Refuse, because the platform cannot cancel a task."""
        return False

    async def cancelled(self) -> bool:
        """Return false, as `cancel` does."""
        return False


async def result_of(api: AiohttpApi, task_id: str) -> object:
    """Await an operation."""
    operation = Operation(api, task_id)
    result: object = await operation.result(timeout=600)  # type: ignore[no-untyped-call]  # likewise
    return result


if __name__ == "__main__":
    main_task_each(result_of)
