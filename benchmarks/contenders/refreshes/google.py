"""google-api-core: an `AsyncFuture` per refresh that its own retry polls, at its own pauses."""

from __future__ import annotations

from typing import Any

from google.api_core.future.async_future import AsyncFuture

from benchmarks.contenders.refreshes.plain import Api, refresh_each
from benchmarks.contenders.refreshes.timing import Report, main


class Operation(AsyncFuture):
    """Polls at a task through the plain API."""

    def __init__(self, api: Api, task_id: str) -> None:
        """Remember what to poll, and how."""
        super().__init__()  # type: ignore[no-untyped-call]  # has no types
        self._api = api
        self._task_id = task_id

    async def done(self, retry: object = None) -> bool:  # noqa: ARG002 -- as google-api-core declares it
        """Poll; say whether the task is over."""
        data: dict[str, Any] = await self._api.status(self._task_id)
        if data["status"] != "completed":
            return False
        self.set_result(data["result"])  # type: ignore[no-untyped-call]  # likewise
        return True

    async def cancel(self) -> bool:
        """Say that this cannot be done."""
        return False

    async def cancelled(self) -> bool:
        """Say that it was not."""
        return False


async def wait(api: Api, task_id: str) -> object:
    """Await an operation."""
    operation = Operation(api, task_id)
    result: object = await operation.result(timeout=600)  # type: ignore[no-untyped-call]  # likewise
    return result


async def refresh(port: int, refreshes: int, report: Report) -> None:
    """Refresh everything."""
    await refresh_each(port, refreshes, report, wait)


if __name__ == "__main__":
    main(refresh)
