"""The `altcraft` command; ``python -m altcraft_async`` is the same."""

from __future__ import annotations

import sys
from importlib import import_module

from altcraft_async.models.extras import MissingExtraError, extra

__all__ = ["main"]


def main() -> int:
    """Run the command line and return its exit code; without the extra, print how to install it."""
    try:
        # The library works without the extra, so it is imported only here.
        with extra("cli", "click", "rich"):
            from altcraft_async.cli.app import main as run  # noqa: PLC0415

            import_module("rich")  # commands load its parts when they run
    except MissingExtraError as error:
        sys.stderr.write(f"altcraft: {error}\n")
        return 2
    return run()


if __name__ == "__main__":
    sys.exit(main())
