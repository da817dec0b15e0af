"""``refresh-all --dry-run``: what would be refreshed."""

from __future__ import annotations

import msgspec

from altcraft_async import AltcraftClient, AltcraftError, Failed
from altcraft_async.cli.actions.catalogue import RecordPrinter
from altcraft_async.cli.options import Form
from altcraft_async.cli.output import print_message
from altcraft_async.cli.reading import find_targets
from altcraft_async.cli.resource_choice import ResourceChoice
from altcraft_async.cli.totals import label_of

__all__ = ["print_plan"]


class _PlannedRefresh(msgspec.Struct):
    """A refresh that would be started."""

    resource_id: int
    name: str
    database_id: int


async def print_plan(client: AltcraftClient, choice: ResourceChoice, form: Form) -> None:
    """Print the refreshes of the chosen resources, and start none.

    Raises:
        AltcraftError: A resource could not be looked up; raised at the end. Or the list failed.
        Exit: No resource matches.
    """
    printer = RecordPrinter(_PlannedRefresh, form)
    failed: AltcraftError | None = None
    async with client:
        async for target in find_targets(client, choice):
            if isinstance(target, Failed):
                print_message(f"{label_of('resource', target.target)}: {target.error}")
                failed = failed or target.error
            else:
                resource_id, database_id = target
                name = choice.totals.names[resource_id]
                printer.add(_PlannedRefresh(resource_id, name, database_id))
    choice.check()
    printer.end(None, "refreshes would be started")
    if failed is not None:
        raise failed
