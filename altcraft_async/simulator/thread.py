"""A simulator in a thread of its own, for callers with any event loop, or with none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from altcraft_async.simulator.server import Simulator

__all__ = ["ThreadedSimulator"]


class ThreadedSimulator(Simulator):
    """A `Simulator` whose event loop runs in a thread of its own.

    So that sync code, several event loops after one another, or code that
    blocks its loop can talk to it. It takes the same arguments.

    ```python
    from altcraft_async.simulator import ThreadedSimulator

    with ThreadedSimulator() as apart:
        print(apart.url.startswith("http://127.0.0.1:"))
    ```

    ```text
    True
    ```

    ``await server.stop()`` and ``await server.start()`` within the body are an
    outage, from whichever event loop they are called.
    """

    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start the thread, and listening in it.

        Raises:
            OSError: The port is not free.
        """
        # A factory of its own, or the runner would set the caller's current loop.
        self._own_runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._own_runner.get_loop()
        self._thread = threading.Thread(target=self._work, name="altcraft-simulator", daemon=True)
        self._thread.start()
        try:
            self._there(super().start()).result()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening, and end the thread."""
        try:
            self._there(super().stop()).result()
        finally:
            self._end()

    async def start(self) -> None:
        """Listen again after a `stop`, with the same address, world and script.

        Raises:
            RuntimeError: It is listening already, or outside of ``with``.
        """
        await asyncio.wrap_future(self._there(super().start()))

    async def stop(self) -> None:
        """Close every connection, stalled ones too; idempotent."""
        await asyncio.wrap_future(self._there(super().stop()))

    def _there(self, work: Coroutine[object, object, None]) -> Future[None]:
        """Have something done in the thread."""
        if self._thread is None:
            work.close()
            msg = "a simulator in a thread of its own is started by `with`"
            raise RuntimeError(msg)
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _work(self) -> None:
        with self._own_runner:
            self._loop.run_forever()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join()
        self._thread = None
