"""The `altcraft` command; ``python -m altcraft_async`` is the same."""

from __future__ import annotations

import sys

__all__ = ["main"]

_EXTRA = ("click", "rich")


def main() -> int:
    """Run the command line and return its exit code, or say how to install what it needs."""
    try:
        # Here, not above: the library is complete without the extra.
        from altcraft_async.cli.app import main as run  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write("altcraft: not installed yet, do: pip install 'altcraft-async[cli]'\n")
        return 2
    return run()


if __name__ == "__main__":
    sys.exit(main())
