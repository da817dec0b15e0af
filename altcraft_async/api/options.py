"""The options of a client: types, defaults and checks."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Collection
from typing import Literal, TypedDict

import aiohttp
import msgspec

from altcraft_async.api.segments import SegmentDatabaseName
from altcraft_async.errors import ConfigurationError
from altcraft_async.models.validation import (
    checked_choice,
    checked_function,
    checked_id,
    checked_kind,
    checked_names,
    checked_positive,
    checked_seconds,
)
from altcraft_async.observer import Observer
from altcraft_async.policies.base import PollPolicy, PollState
from altcraft_async.protocol.codecs import FORMATS
from altcraft_async.protocol.token import TokenLocation
from altcraft_async.starts.ledger import TaskLedger
from altcraft_async.tasks.poll_state import FAILURE_STATUSES, Patience
from altcraft_async.transport.clock import Clock
from altcraft_async.transport.retry import Retry

__all__ = ["CheckedOptions", "ClientOptions", "FormatName"]

FormatName = Literal["json", "xml"]

_START_KEEPALIVE = 1.0


class ClientOptions(TypedDict, total=False):
    """The keyword arguments of `AltcraftClient` but for the format, documented there."""

    token_in: TokenLocation
    session: aiohttp.ClientSession | None
    retry: Retry
    poll: PollPolicy | Callable[[PollState], float] | None
    rate_limit: float | None
    shared_limit: Callable[[], Awaitable[object]] | None
    request_timeout: float
    polling_patience: Patience
    outage_patience: float
    failure_statuses: Collection[str]
    connections: int
    start_keepalive: float
    max_answer_bytes: int
    ssl_context: ssl.SSLContext | None
    fast_path: bool
    segment_database_name: SegmentDatabaseName | None
    ledger: TaskLedger | None
    reconcile_starts: bool
    observer: Observer | None
    clock: Clock | None


class CheckedOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of one client, checked; `AltcraftClient` documents them.

    Raises:
        ConfigurationError: An option is wrong; the text names it.
    """

    format: FormatName = "json"
    token_in: TokenLocation = "body"  # noqa: S105 -- no password
    session: aiohttp.ClientSession | None = None
    retry: Retry = Retry()
    poll: PollPolicy | Callable[[PollState], float] | None = None
    rate_limit: float | None = None
    shared_limit: Callable[[], Awaitable[object]] | None = None
    request_timeout: float = 30.0
    polling_patience: Patience = Patience()
    outage_patience: float = 600.0
    failure_statuses: Collection[str] = FAILURE_STATUSES
    connections: int = 256
    start_keepalive: float = _START_KEEPALIVE
    max_answer_bytes: int = 16 * 2**20
    ssl_context: ssl.SSLContext | None = None
    fast_path: bool = True
    segment_database_name: SegmentDatabaseName | None = None
    ledger: TaskLedger | None = None
    reconcile_starts: bool = False
    observer: Observer | None = None
    clock: Clock | None = None

    def __post_init__(self) -> None:
        """Check each option."""
        checked_choice("format", self.format, *FORMATS)
        checked_choice("token_in", self.token_in, "body", "header")
        checked_kind("retry", self.retry, Retry)
        checked_kind("polling_patience", self.polling_patience, Patience)
        if self.segment_database_name is not None:
            checked_choice("segment_database_name", self.segment_database_name, "db_id", "list_id")
        self._check_ledger()
        for name, kind in _KINDS.items():
            if getattr(self, name) is not None:
                checked_kind(name, getattr(self, name), kind)
        if self.session is not None:
            self._check_session(self.session)
        if self.rate_limit is not None:
            checked_positive("rate_limit", self.rate_limit)
        checked_function("shared_limit", self.shared_limit)
        checked_seconds("request_timeout", self.request_timeout, least=0.001)
        checked_seconds("outage_patience", self.outage_patience)
        checked_id("max_answer_bytes", self.max_answer_bytes)
        checked_id("connections", self.connections)
        checked_seconds("start_keepalive", self.start_keepalive)
        checked_kind("fast_path", self.fast_path, bool)
        checked_names("failure_statuses", self.failure_statuses)

    def _check_session(self, session: aiohttp.ClientSession) -> None:
        """Refuse what would have no effect together."""
        in_header = self.token_in == "header"  # noqa: S105 -- a place, no password
        fault = ""
        if not session.auto_decompress:
            fault = "session: has auto_decompress=False, so that no answer could be read"
        elif callable(session.raise_for_status):
            fault = "session: has a function as raise_for_status, which this client does not call"
        elif in_header and (session.auth or "Authorization" in session.headers):
            fault = "session: has auth or a header Authorization, which token_in='header' needs"
        elif own := [name for name in _OF_EACH_REQUEST if name in session.headers]:
            fault = f"session: has a header {own[0]}, which differs from request to request"
        elif self.start_keepalive != _START_KEEPALIVE:
            fault = "start_keepalive: has no effect on a session, whose connector keeps connections"
        if fault:
            raise ConfigurationError(fault)

    def _check_ledger(self) -> None:
        checked_kind("reconcile_starts", self.reconcile_starts, bool)
        if self.ledger is not None:
            checked_kind("ledger", self.ledger, TaskLedger)
            if self.retry.ambiguous_starts:
                msg = "retry: ambiguous_starts may start twice, which the ledger prevents"
                raise ConfigurationError(msg)
        elif self.reconcile_starts:
            msg = "reconcile_starts: needs a ledger, which has the earlier starts"
            raise ConfigurationError(msg)


_OF_EACH_REQUEST = ("Content-Length", "Transfer-Encoding", "Content-Encoding", "Expect")

_KINDS: dict[str, type] = {
    "observer": Observer,
    "session": aiohttp.ClientSession,
    "ssl_context": ssl.SSLContext,  # aiohttp would take anything else for "do not verify"
    "clock": Clock,
}
