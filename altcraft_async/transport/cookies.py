"""The cookies of one platform, kept in memory."""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp
from aiohttp.typedefs import LooseCookies
from yarl import URL

__all__ = ["PlatformCookies"]


class PlatformCookies(aiohttp.CookieJar):
    """Cookies that requests of all methods send back, unless a cookie names another path.

    By the rules of browsers, a cookie without a path would belong to the folder of its
    answer, so that of a start, at ``/resources/``, would not reach the polls at ``/tasks/``.
    Behind a balancer with a cookie, a poll has to reach the node of its start.
    """

    def __init__(self) -> None:
        """Take cookies of hosts that are given as an IP address too, and change no value."""
        super().__init__(unsafe=True, quote_cookie=False)

    def update_cookies(self, cookies: LooseCookies, response_url: URL = URL()) -> None:  # noqa: B008 -- the interface
        """Keep cookies for the whole origin of this answer."""
        super().update_cookies(cookies, _origin(response_url))

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Keep the cookies of ``Set-Cookie`` headers for the whole origin of this answer."""
        super().update_cookies_from_headers(headers, _origin(response_url))


def _origin(url: URL) -> URL:
    return url.origin() if url.absolute else url
