"""The `altcraft` command; ``python -m altcraft_async`` is the same."""

from __future__ import annotations

import sys

__all__ = ["main"]

_EXTRA = ("click", "rich")
_INSTALL = "pip install 'altcraft-async[cli]'"


def main() -> int:
    """Run the command line and return its exit code; without the extra, print how to install it."""
    try:
        # The library works without the extra, so it is imported only here.
        from altcraft_async.cli.app import main as run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write(f"altcraft: the command line needs click and rich: {_INSTALL}\n")
        return 2
    return run()


if __name__ == "__main__":
    sys.exit(main())
