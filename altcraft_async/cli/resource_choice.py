"""Which of all resources a command is about."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from click.exceptions import Exit

from altcraft_async import AltcraftClient, Resource
from altcraft_async.cli.exit_codes import NO_MATCH
from altcraft_async.cli.output import print_message
from altcraft_async.cli.totals import ResourceTotals

__all__ = ["ResourceChoice", "count_resources", "resource_filter"]


class ResourceChoice:
    """Chooses resources by name and group, and notes them in totals.

    Attributes:
        totals: Where they are noted.
    """

    def __init__(
        self, names: tuple[str, ...], groups: tuple[str, ...], totals: ResourceTotals
    ) -> None:
        """Take the filters of the command; without any, all resources match."""
        self._is_wanted = resource_filter(names, groups)
        self._has_filter = bool(names or groups)
        self.totals = totals

    def __call__(self, resource: Resource) -> bool:
        """Say whether a resource is chosen."""
        chosen = self._is_wanted(resource)
        self.totals.list(resource, chosen=chosen)
        return chosen

    def check(self) -> None:
        """End the command if a filter matched nothing.

        Raises:
            Exit: It did not; the exit code says so.
        """
        if self._has_filter and not self.totals.chosen:
            print_message("no resource matches; to see them: altcraft resources list")
            raise Exit(NO_MATCH)


def resource_filter(names: tuple[str, ...], groups: tuple[str, ...]) -> Callable[[Resource], bool]:
    """Return whether a resource matches one of the names and one of the groups; none match all."""

    def is_wanted(resource: Resource) -> bool:
        has_name = any(fnmatchcase(resource.name, pattern) for pattern in names)
        has_group = any(group.name in groups for group in resource.groups)
        return (has_name or not names) and (has_group or not groups)

    return is_wanted


async def count_resources(client: AltcraftClient) -> int | None:
    """Return how many resources there are; costs one request."""
    pages = client.resources.list(limit=1)
    async for _ in pages:
        break
    return pages.total
