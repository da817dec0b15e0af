"""What an attempt asks the handle of its task: how far it is, and whether the platform answers."""

from __future__ import annotations

import asyncio

import msgspec
from taskiq import Context
from taskiq.depends.progress_tracker import (  # pyright: ignore[reportMissingTypeStubs]  # a folder without __init__.py
    TaskProgress,
    TaskState,
)

from altcraft_async.errors import AltcraftError, PlatformUnavailableError
from altcraft_async.models import CountersReport
from altcraft_async.tasks.handle import TaskHandle

__all__ = ["outage_of", "publish_progress"]

POLL_SECONDS = 5.0
"""Seconds for the poll that asks, well within the queue's ``idle_timeout``."""


async def publish_progress(handle: TaskHandle[CountersReport], context: Context) -> None:
    """Publish each change of the task as the progress of the job."""
    ref = msgspec.to_builtins(handle.ref)
    async for status in handle.updates():
        meta = {"status": status.status, "progress": status.progress, "ref": ref}
        progress = TaskProgress(state=TaskState.STARTED, meta=meta)
        await context.broker.result_backend.set_progress(context.message.task_id, progress)


async def outage_of(handle: TaskHandle[CountersReport]) -> AltcraftError | None:
    """Return the error that tells of an outage, unless it is just over."""
    try:
        async with asyncio.timeout(POLL_SECONDS):
            await handle.poll()
    except PlatformUnavailableError as error:
        return error
    except (AltcraftError, TimeoutError):
        pass  # the next attempt meets it again
    return None
