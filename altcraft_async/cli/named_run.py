"""``--run NAME``: a run that goes on where it was broken off."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast

import click

from altcraft_async import (
    AltcraftClient,
    Failed,
    LedgerError,
    StartUnknownError,
    TaskLedger,
    TaskLostError,
    WaitError,
)
from altcraft_async.cli.account import current_account
from altcraft_async.cli.object_kinds import Outcome
from altcraft_async.cli.output import print_message, print_notice
from altcraft_async.cli.run_store import KEPT, Ended, Run, RunStore, default_path
from altcraft_async.cli.session import current_session
from altcraft_async.cli.settling_ledger import SettlingLedger
from altcraft_async.cli.totals import Totals
from altcraft_async.protocol.base_url import install_of

__all__ = [
    "NamedRun",
    "Resumed",
    "current_install",
    "resume_command",
]

# What a run is about. Two commands of one run differ in nothing of this; the rest may change.
_CHOICES = ("numbers", "database_id", "resource_id", "names", "groups")

_NOTE_SECONDS = 0.5

_OWN = ("run_name", "ledger_path")


class Resumed(NamedTuple):
    """What ``resume`` tells the command that it runs.

    Attributes:
        number: Of the run that goes on.
        restarts_unknown: Whether to start again what may have been started.
    """

    number: int
    restarts_unknown: bool


class NamedRun:
    """A run with a name and a ledger, or one without either, which is like any other."""

    def __init__(self, command: str, totals: Totals) -> None:
        """Read the options of the command that is running.

        Args:
            command: Its words, such as ``resources refresh-all``.
            totals: Of the run; gets the command that goes on with it.
        """
        context = click.get_current_context()
        self._name: str | None = context.params["run_name"]
        path: str | None = context.params["ledger_path"]
        if path is not None and self._name is None:
            msg = "--ledger is the file of a named run; give --run NAME too."
            raise click.UsageError(msg)
        self._command = command
        self._options = {name: value for name, value in context.params.items() if name not in _OWN}
        self._given_path = path
        self._resumed: Resumed | None = context.meta.get(Resumed.__name__)
        self._totals = totals
        self._run: Run | None = None
        self._done_before: set[str] = set()
        self._unnoted: dict[str, Ended] = {}
        self._note_at = 0.0
        self._left = self._forgotten = 0

    @cached_property
    def _path(self) -> Path:  # only for a run with a name, as a user may have no home directory
        return Path(self._given_path) if self._given_path else default_path()

    @cached_property
    def _ledger(self) -> SettlingLedger:
        return SettlingLedger(self._path, keep=KEPT.total_seconds())

    @cached_property
    def _store(self) -> RunStore:
        return RunStore(self._path)

    @property
    def ledger(self) -> TaskLedger | None:
        """For the client; ``None`` where the run has no name."""
        return None if self._name is None else self._ledger

    @property
    def key(self) -> str | None:
        """The idempotency key of its starts; ``None`` where the run has no name."""
        return self._run.key if self._run else None

    @asynccontextmanager
    async def using(self, client: AltcraftClient) -> AsyncGenerator[None, None]:
        """Open the client, and begin the run or go on with it.

        Raises:
            UsageError: The name is that of another command.
            LedgerError: The file cannot be used; nothing was sent.
        """
        if self._name is None:
            async with client:
                yield
            return
        async with self._store, self._ledger, client:
            await self._begin(self._name)
            yield

    def followed(self, outcomes: AsyncGenerator[Outcome, None]) -> AsyncGenerator[Outcome, None]:
        """Note how each target ended, once its outcome was printed."""
        return outcomes if self._run is None else self._followed(self._run, outcomes)

    async def _begin(self, name: str) -> None:
        numbers = self._options.get("numbers")
        new = Run(
            number=0,
            install=current_install(),
            name=name,
            began=datetime.now(UTC),
            command=self._command,
            options=self._options,
            total=len(numbers) if numbers else None,
            is_over=False,
        )
        run = await self._store.begin(new, self._resumed and self._resumed.number)
        if run.began != new.began:
            self._refuse_other(run)
        self._run = run
        self._done_before = await self._store.go_on(run, self._options)
        self._totals.way_back = resume_command(name, self._given_path)
        if run.began != new.began:
            when = run.began.astimezone().strftime("%Y-%m-%d %H:%M")
            done = f"{len(self._done_before)} done"
            print_notice(f"going on with run {name}, which began at {when}: {done}")
        if self._resumed and self._resumed.restarts_unknown:
            await self._forget_unknown(run)

    def _refuse_other(self, run: Run) -> None:
        """Refuse a name that is taken: going on with another command would mix the two."""
        same = run.command == self._command and all(
            list(_listed(run.options.get(one))) == list(_listed(self._options.get(one)))
            for one in _CHOICES
        )
        if not same:
            msg = (
                f"--run: {run.name!r} is another run that is not over, altcraft {run.command} with "
                f"other targets or filters. Choose another name, or go on with it: "
                f"altcraft resume {shlex.quote(run.name)}"
            )
            raise click.UsageError(msg)

    async def _forget_unknown(self, run: Run) -> None:
        """Withdraw the starts of this run whose outcome is unknown."""
        async for entry in self._ledger.entries():
            is_own = entry.key.startswith(f"{run.install} ") and entry.idempotency_key == run.key
            if is_own and entry.ref is None and entry.lease_until < self._ledger.now():
                await self._ledger.forget(entry)

    async def _followed(
        self, run: Run, outcomes: AsyncGenerator[Outcome, None]
    ) -> AsyncGenerator[Outcome, None]:
        seen = 0
        async with aclosing(outcomes):
            try:
                while (outcome := await self._next(outcomes)) is not None:
                    seen += 1
                    target = _words(outcome.target)
                    if self._was_done(outcome, target):
                        self._forgotten += 1
                        continue
                    if isinstance(outcome, Failed) and isinstance(outcome.error, LedgerError):
                        raise outcome.error  # it would fail every other target too
                    yield outcome
                    self._unnoted[target] = self._ended(outcome)
                    if time.monotonic() >= self._note_at:
                        await self._note(run)
            finally:
                await self._ledger.settle()
                await self._note(run)
        is_over = not (self._left or self._totals.unknown)
        await self._store.end(run, total=seen, is_over=is_over)
        self._totals.left = self._left
        if self._forgotten:
            print_message(
                f"the platform no longer has the results of {self._forgotten} that were "
                f"refreshed before"
            )

    async def _note(self, run: Run) -> None:
        """Note how targets ended; several at once, as each write has to reach the disk."""
        ended, self._unnoted = self._unnoted, {}
        if ended:
            await self._store.note(run, ended)
        self._note_at = time.monotonic() + _NOTE_SECONDS

    async def _next(self, outcomes: AsyncGenerator[Outcome, None]) -> Outcome | None:
        """Await the next outcome; where the command is told to stop, the starts under way first."""
        waiting = asyncio.ensure_future(anext(outcomes, None))
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            try:
                await self._ledger.settle()
            finally:  # a second Ctrl-C ends the wait
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            raise

    def _was_done(self, outcome: Outcome, target: str) -> bool:
        """Tell whether a target is done whose task the platform has forgotten since."""
        is_lost = isinstance(outcome, Failed) and isinstance(outcome.error, TaskLostError)
        return is_lost and target in self._done_before

    def _ended(self, outcome: Outcome) -> Ended:
        if not isinstance(outcome, Failed):
            return "done"
        if isinstance(outcome.error, StartUnknownError):
            self._totals.unknown += 1
            return "left"
        # The same name gives the same task, so one that has failed stays so.
        if outcome.ref is not None and not isinstance(outcome.error, WaitError):
            return "failed"
        self._left += 1
        return "left" if outcome.ref is None else "running"


def resume_command(name: str, given_path: str | None) -> str:
    """Return the command that goes on with a run in the file that was given, or in the default."""
    ledger = "" if given_path is None else f" --ledger {shlex.quote(given_path)}"
    return f"altcraft resume {shlex.quote(name)}{ledger}"


def current_install() -> str:
    """Return the install of the account in use, as a ledger names it.

    Raises:
        ConfigurationError: There is no account.
    """
    return install_of(current_account(current_session()).url)


def _listed(value: object) -> list[object] | tuple[object]:
    """Return an option as it is after being stored: a list, where it may be given several times."""
    return list(cast("list[Any]", value)) if isinstance(value, (list, tuple)) else (value,)


def _words(target: object) -> str:
    """Return a target as text."""
    return " ".join(map(str, cast("tuple[int, ...]", target)))
