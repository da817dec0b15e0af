"""``runs`` and ``resume``: named runs, and how to go on with one."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from altcraft_async import SQLiteLedger
from altcraft_async.cli.named_run import Resumed, current_install
from altcraft_async.cli.options import Form
from altcraft_async.cli.output import print_json, print_message, print_notice, print_view
from altcraft_async.cli.run_store import Run, RunStore, default_path
from altcraft_async.cli.runner import run as run_work
from altcraft_async.cli.safe_text import clean
from altcraft_async.cli.tables import fits, grid_table

__all__ = ["list_runs", "resume_run"]


class _Progress(NamedTuple):
    """A run, and how many of its targets are known, done, running and failed."""

    run: Run
    known: int
    done: int
    running: int
    failed: int


def list_runs(*, ledger_path: str | None, form: Form) -> None:
    """List the named runs, the newest first."""
    path = Path(ledger_path) if ledger_path else default_path()
    found = run_work(_progress(path)) if path.exists() else []  # a file is not made by looking
    if form == "json":
        for one in found:
            print_json(_data(one))
    elif found:
        print_view(_RunsTable(found))
        watch = f"to watch them: altcraft monitor --ledger {shlex.quote(str(path))}"
        print_notice(f"these runs are in {path}", watch)
    else:
        print_message("no runs yet; to name one: altcraft resources refresh-all --run NAME")


def resume_run(
    *,
    name: str | None,
    ledger_path: str | None,
    restart_unknown: bool,
    form: Form,
) -> None:
    """Go on with a run that was broken off, with its own options."""
    context = click.get_current_context()
    path = Path(ledger_path) if ledger_path else default_path()
    found = run_work(_runs(path)) if path.exists() else []
    chosen = _chosen(found, name, current_install())
    command: click.Command = context.find_root().command
    for word in chosen.command.split():
        command = command.commands[word] if isinstance(command, click.Group) else command
    options: dict[str, Any] = {**chosen.options, "form": form or chosen.options.get("form")}
    context.meta[Resumed.__name__] = Resumed(chosen.number, restart_unknown)
    context.invoke(command, **options, run_name=chosen.name, ledger_path=ledger_path)


def _chosen(found: list[Run], name: str | None, install: str) -> Run:
    """Return the run to go on with.

    Raises:
        UsageError: There is none, or more than one.
    """
    own = [one for one in found if one.install == install]
    if name is None:
        left = [one for one in own if one.can_resume]
        if len(left) == 1:
            return left[0]
        names = ", ".join(repr(one.name) for one in left)
        msg = f"several runs are not over; name one of them: {names}."
        if not left:
            msg = "no run is left to go on with; to see all: altcraft runs"
        raise click.UsageError(msg)
    for one in own:
        if one.name == name:
            if one.can_resume:
                return one
            fault = "is over" if one.is_over else "began more than a week ago"
            again = f"altcraft {one.command} … --run {shlex.quote(name)}"
            msg = f"run {name!r} {fault}; to begin anew: {again}"
            raise click.UsageError(msg)
    others = [one.install for one in found if one.name == name]
    if others:
        msg = f"run {name!r} is of {others[0]}, and the account in use is of {install}."
    else:
        msg = f"no run {name!r}; to see all: altcraft runs"
    raise click.UsageError(msg)


async def _runs(path: Path) -> list[Run]:
    async with RunStore(path) as store:
        return await store.runs()


async def _progress(path: Path) -> list[_Progress]:
    async with RunStore(path) as store, SQLiteLedger(path) as ledger:
        running: dict[tuple[str, str], set[str]] = {}
        async for entry in ledger.entries():
            if entry.ref is not None:
                key = (entry.key.partition(" ")[0], entry.idempotency_key)
                running.setdefault(key, set()).add(" ".join(map(str, entry.target)))
        found: list[_Progress] = []
        for run in await store.runs():
            outcomes = await store.outcomes(run)
            going_on = running.get((run.install, run.key), set())
            going_on |= {target for target, one in outcomes.items() if one == "running"}
            ended = Counter(one for target, one in outcomes.items() if target not in going_on)
            failed = ended["failed"] + ended["left"]
            known = max(run.total or 0, len(going_on | outcomes.keys()))
            found.append(_Progress(run, known, ended["done"], len(going_on), failed))
        return found


class _RunsTable:
    """A line per run, or two without columns on a screen that is too narrow."""

    def __init__(self, found: list[_Progress]) -> None:
        self._found = found

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        titles = ["name", "began", "total", "done", "running", "failed", "state"]
        several = len({one.run.install for one in self._found}) > 1
        rows = [_cells(one) for one in self._found]
        table = grid_table(
            [[*titles, "install"], *rows] if several else [titles, *(row[:-1] for row in rows)]
        )
        if fits(table, console, options):
            yield table
            return
        for name, began, total, done, running, failed, state, install in rows:
            yield Text(f"{name}, {began}, {state}{f', {install}' if several else ''}")
            yield Text(f"  {done} of {total} done, {running} running, {failed} failed")


def _cells(one: _Progress) -> list[str]:
    run = one.run
    began = run.began.astimezone().strftime("%Y-%m-%d %H:%M")
    known = f"{one.known}{'+' if run.total is None else ''}"
    counts = map(str, (one.done, one.running, one.failed))
    state = "over" if run.is_over else "not over" if run.can_resume else "too old"
    return [clean(run.name), began, known, *counts, state, clean(run.install)]


def _data(one: _Progress) -> dict[str, object]:
    run = one.run
    return {
        "name": run.name,
        "install": run.install,
        "command": run.command,
        "began": run.began.isoformat(),
        "total": run.total,
        "known": one.known,
        "done": one.done,
        "running": one.running,
        "failed": one.failed,
        "over": run.is_over,
    }
