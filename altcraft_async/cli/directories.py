"""Where the command line keeps files of its user: settings, and what it has to remember.

Few enough lines that a dependency for them would be no simpler.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from altcraft_async.errors import ConfigurationError

__all__ = ["config_directory", "state_directory"]


def config_directory(what: str) -> Path:
    """Return the directory of settings: of XDG_CONFIG_HOME, of APPDATA on Windows, else of ~.

    Raises:
        ConfigurationError: There is no home directory for ``what``.
    """
    given = _given("XDG_CONFIG_HOME")
    if given is None and os.name == "nt":
        given = _given("APPDATA")
    return (given or _home(what, "XDG_CONFIG_HOME") / ".config") / "altcraft"


def state_directory(what: str) -> Path:
    """Return the directory of what is remembered between runs, as each system has it.

    Raises:
        ConfigurationError: As `config_directory`.
    """
    if sys.platform == "win32":
        base = _given("LOCALAPPDATA") or _home(what, "LOCALAPPDATA") / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = _home(what, "HOME") / "Library" / "Application Support"
    else:
        base = _given("XDG_STATE_HOME") or _home(what, "XDG_STATE_HOME") / ".local" / "state"
    return base / "altcraft"


def _given(variable: str) -> Path | None:
    """Return an absolute directory; the XDG specification says to ignore others."""
    path = Path(os.environ.get(variable, ""))
    return path if path.is_absolute() else None


def _home(what: str, variable: str) -> Path:
    try:
        return Path.home()
    except RuntimeError:  # of a user without an entry, as in some containers
        msg = f"{what}: there is no home directory; set {variable} to a directory"
    raise ConfigurationError(msg)
