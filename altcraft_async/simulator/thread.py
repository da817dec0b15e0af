"""A simulator with its own thread, for sync code or callers with several event loops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from altcraft_async.simulator.server import Simulator


class ThreadedSimulator(Simulator):
    """A `Simulator` whose event loop runs in its own thread.

    Sync code, several event loops in sequence, or code that blocks its event loop can
    use it. It takes the same arguments.

    ```python
    from altcraft_async.simulator import ThreadedSimulator

    with ThreadedSimulator() as threaded:
        print(threaded.url.startswith("http://127.0.0.1:"))
    ```

    ```text
    True
    ```

    For an outage, call ``await server.stop()`` and ``await server.start()`` within the
    body, from any event loop.
    """

    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start the thread and listen in it.

        Raises:
            OSError: The port is not free.
        """
        # Without a loop factory, the runner would set the current loop of the caller's thread.
        self._loop_runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._loop_runner.get_loop()
        self._thread = threading.Thread(
            target=self._run_loop, name="altcraft-simulator", daemon=True
        )
        self._thread.start()
        try:
            self._submit(super().start()).result()
        except BaseException:
            self._end_thread()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening and end the thread."""
        try:
            self._submit(super().stop()).result()
        finally:
            self._end_thread()

    async def start(self) -> None:
        """Listen again after a `stop`, with the same address, world and faults.

        Raises:
            RuntimeError: It is already listening, or ``with`` has not been entered.
        """
        await asyncio.wrap_future(self._submit(super().start()))

    async def stop(self) -> None:
        """Close all connections, stalled ones included; idempotent."""
        await asyncio.wrap_future(self._submit(super().stop()))

    def _submit(self, work: Coroutine[object, object, None]) -> Future[None]:
        if self._thread is None:
            work.close()
            msg = "a ThreadedSimulator is started by `with`, not by `async with` or `start()`"
            raise RuntimeError(msg)
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _run_loop(self) -> None:
        with self._loop_runner:
            self._loop.run_forever()

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join()
        self._thread = None
