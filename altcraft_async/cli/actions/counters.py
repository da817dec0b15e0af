"""``counters``: the last counters of a resource, database or segment."""

from __future__ import annotations

from typing import Any

from altcraft_async import AltcraftClient, CountersReport
from altcraft_async.cli.account import make_client
from altcraft_async.cli.object_kinds import ObjectKind, Target, make_target
from altcraft_async.cli.options import Form
from altcraft_async.cli.output_file import OutputFile
from altcraft_async.cli.results import print_report
from altcraft_async.cli.runner import run

__all__ = ["print_counters"]


def print_counters(
    kind: ObjectKind,
    *,
    number: int,
    output: str | None,
    form: Form,
    **options: Any,  # noqa: ANN401 -- ids, and for segments a name
) -> None:
    """Print the last counters of an object."""
    target = make_target(kind, number, options)
    with OutputFile(output) as file:
        report = run(_counters(make_client(options), kind, target))
        print_report(report, form, kind.name, target)
        file.add_report(report)


async def _counters(client: AltcraftClient, kind: ObjectKind, target: Target) -> CountersReport:
    async with client:
        return await kind.get_counters(client, target)
