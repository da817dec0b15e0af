"""Command lines of named runs, and what they print and store."""

from __future__ import annotations

import json
from pathlib import Path

from altcraft_async import SQLiteLedger
from altcraft_async.models import LedgerEntry

__all__ = ["entries", "numbers", "resume", "run", "targets"]


def run(name: str, ledger: Path) -> tuple[str, ...]:
    """Return the options that name a run."""
    return "--run", name, "--ledger", str(ledger)


def resume(ledger: Path, name: str, *others: str) -> tuple[str, ...]:
    """Return the command that goes on with a run."""
    return "resume", name, "--ledger", str(ledger), *others


def targets(out: str) -> list[list[int]]:
    """Return the targets that were printed with counters."""
    lines = map(json.loads, out.splitlines())
    return sorted(line["target"] for line in lines if "rows" in line)


def numbers(*numbers: int) -> list[list[int]]:
    """Return the targets of resources."""
    return [[number, 1] for number in numbers]


async def entries(path: Path) -> list[LedgerEntry]:
    """Return what a ledger has that is not over."""
    async with SQLiteLedger(path) as ledger:
        return [entry async for entry in ledger.entries()]
