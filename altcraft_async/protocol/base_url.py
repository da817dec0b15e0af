"""Makes the root of all API methods from the base URL that a user has."""

from __future__ import annotations

import inspect
import re
import warnings
from ipaddress import ip_address
from urllib.parse import urlsplit

from yarl import URL

from altcraft_async.errors import ConfigurationError
from altcraft_async.models.validation import text_fault

__all__ = ["API_PATH", "api_root", "checked_address", "install_of", "is_exposed", "warn_if_exposed"]

API_PATH = "/api/v1.1"

# A name as DNS allows it, or an IPv6 address.
_HOST = re.compile(r"[\w.-]+|[0-9a-f:]+(?:%\w+)?", re.ASCII)

# Such a host is no name. Systems read 127.1 or 010.0.0.1 differently, if at all.
_ENDS_IN_NUMBER = re.compile(r"(?:^|\.)(?:\d+|0x[\da-f]*)\.?$", re.ASCII)

_DOT_AFTER_HOST = re.compile(r"(?<=://)([^/:]+)\.(?=[:/])")

_NO_HOST = "has an invalid host or port"


def api_root(base_url: object) -> str:
    """Return the URL that the paths of API methods follow, without a trailing slash.

    Takes a scheme and host, any port, any path prefix, with or without a
    trailing slash or ``/api/v1.1``. All spellings of a URL give the same root.

    Raises:
        ConfigurationError: It is anything else. The text never quotes it, as
            it may contain a password.
    """
    try:
        parts = urlsplit(checked_address("base_url", base_url))
    finally:
        del base_url  # tools that show the variables of a traceback must not show a password
    prefix = parts.path.rstrip("/").removesuffix(API_PATH).rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{prefix}{API_PATH}"


def install_of(base_url: object) -> str:
    """Return the name of the install at a base URL: its root, without a dot after the host.

    Requests keep that dot. It keeps DNS from looking up the name in other domains.

    Raises:
        ConfigurationError: As `api_root`.
    """
    try:
        return _DOT_AFTER_HOST.sub(r"\1", api_root(base_url))
    finally:
        del base_url  # as in `api_root`


def checked_address(name: str, value: object) -> str:
    """Return the URL of a web server, with any path, as it is sent; the error never quotes it."""
    fault = text_fault(value) or _fault(str(value))
    if fault is not None:
        del value  # as in `api_root`
        msg = f"{name}: {fault}; it looks like https://example.com"
        raise ConfigurationError(msg)
    # Twice, as a name that only the older IDNA allows keeps its capitals the first time.
    return str(URL(str(URL(str(value)))))


def warn_if_exposed(root: str, message: str) -> None:
    """Warn about the caller's line if requests to this URL cross a network unencrypted."""
    if is_exposed(root):
        warnings.warn(message, stacklevel=_caller_level())


def _caller_level() -> int:
    """Return the ``stacklevel`` of a warning about the first line outside this package."""
    package = __name__.partition(".")[0]
    level, frame = 0, inspect.currentframe()
    while frame is not None and frame.f_globals["__name__"].partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    return level


def is_exposed(root: str) -> bool:
    """Tell whether requests to this URL cross a network unencrypted."""
    parts = urlsplit(root)
    host = (parts.hostname or "").removesuffix(".")
    if parts.scheme == "https" or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True


def _is_host(text: str, *, in_brackets: bool) -> bool:
    """Tell whether the host of a URL is a name or a whole address."""
    try:
        host = URL(text).raw_host or ""
        host.encode("idna")  # refuses parts that are empty or too long
        if in_brackets or _ENDS_IN_NUMBER.search(host):
            ip_address(host.removesuffix("."))
    except ValueError:
        return False
    return bool(_HOST.fullmatch(host))


def _fault(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return _NO_HOST
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "has to begin with http:// or https:// and a host"
    is_port = port != 0 and (port is not None or not parts.netloc.endswith(":"))
    if "\\" in text or not is_port or not _is_host(text, in_brackets="[" in parts.netloc):
        return _NO_HOST
    if "@" in parts.netloc:
        return "must not contain a user name or password"
    if "?" in text or "#" in text:
        return "must not contain a query or fragment"
    return None
