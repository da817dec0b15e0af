"""Every error of the library, as one tree.

    AltcraftError
    ├── ConfigurationError (ValueError)     before anything was sent
    ├── ClientClosedError
    ├── TransportError                      no complete answer arrived
    │   ├── RequestTimeoutError (TimeoutError)
    │   └── PlatformUnavailableError        not sent, as the platform has not answered for a while
    ├── ProtocolError                       a complete answer that is not Altcraft's
    ├── ApiError                            the platform refused
    │   ├── BadRequestError                 400
    │   ├── AuthenticationError             401
    │   ├── TariffLimitError                402
    │   ├── PermissionDeniedError           403
    │   ├── NotFoundError                   404
    │   ├── RateLimitedError                429
    │   └── ServerError                     5xx
    ├── LedgerError                         the ledger cannot be used; nothing was sent
    ├── HistoryError                        the history of counters cannot be used
    ├── StartUnknownError                   a start may have happened; nothing was sent
    └── TaskError
        ├── TaskFailedError                 terminal: the platform says so
        ├── TaskLostError                   terminal: the platform does not know the task
        └── WaitError                       this wait ended, the handle can be awaited again
            ├── WaitTimeoutError (TimeoutError)
            ├── TaskStalledError
            └── PollingError

Each error has one message in ``args`` and plain values in its attributes, so
it can be pickled. None has the API token.
"""

from __future__ import annotations

from datetime import datetime

from altcraft_async.models import CountersReport, LedgerEntry, TaskRef, TaskStatus
from altcraft_async.models.base_errors import AltcraftError, ConfigurationError, LedgerError

__all__ = [
    "AltcraftError",
    "ApiError",
    "AuthenticationError",
    "BadRequestError",
    "ClientClosedError",
    "ConfigurationError",
    "HistoryError",
    "LedgerError",
    "NotFoundError",
    "PermissionDeniedError",
    "PlatformUnavailableError",
    "PollingError",
    "ProtocolError",
    "RateLimitedError",
    "RequestTimeoutError",
    "ServerError",
    "StartUnknownError",
    "TariffLimitError",
    "TaskError",
    "TaskFailedError",
    "TaskLostError",
    "TaskStalledError",
    "TransportError",
    "WaitError",
    "WaitTimeoutError",
]


class ClientClosedError(AltcraftError):
    """The client was closed. Tasks go on at the platform; attach their refs to another client.

    A start that was under way may have been delivered.
    """

    maybe_delivered = True


class HistoryError(AltcraftError):
    """The file of a `CounterHistory` cannot be opened, read or written.

    Mend or replace the file, then write the same rows again: those that are there stay as they are.
    """


class TransportError(AltcraftError):
    """No complete answer arrived: refused, reset, cut off or too slow.

    Attributes:
        path: API method, for example ``"tasks/status"``.
        maybe_delivered: Whether the platform may have acted on the request. After
            a call that starts a task, check the platform before you start it again.
        permanent: Whether the same request would fail the same way, as with
            a certificate that is not trusted.
        local: Whether the cause is in this process, such as too many open
            files. It says nothing about the platform.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str = "",
        maybe_delivered: bool = False,
        permanent: bool = False,
        local: bool = False,
    ) -> None:
        """Keep only the message in ``args``, from which ``OSError`` would read more."""
        super().__init__(message)
        self.path = path
        self.maybe_delivered = maybe_delivered
        self.permanent = permanent
        self.local = local


class RequestTimeoutError(TransportError, TimeoutError):
    """One request took longer than ``request_timeout``, from connecting to the last byte."""


class PlatformUnavailableError(TransportError):
    """The platform has not answered for a while, so nothing was sent.

    Call again after ``retry_after`` seconds, or give the call an ``outage_patience``.

    Attributes:
        since: When the first request got no answer, aware.
        retry_after: Seconds until the client tries the platform again.
    """

    def __init__(  # noqa: PLR0913 -- one argument per attribute, all but the first by name
        self,
        message: str,
        *,
        path: str = "",
        maybe_delivered: bool = False,
        permanent: bool = False,
        local: bool = False,
        since: datetime,
        retry_after: float | None = None,
    ) -> None:
        """Keep only the message in ``args``."""
        super().__init__(
            message,
            path=path,
            maybe_delivered=maybe_delivered,
            permanent=permanent,
            local=local,
        )
        self.since = since
        self.retry_after = retry_after


class ProtocolError(AltcraftError):
    """A complete answer that is not Altcraft's.

    An HTML page, a redirect, another shape than documented, or an answer that
    is too large or too deep. Most often the base URL is wrong or a proxy
    answered.

    Attributes:
        path: API method.
        http_status: HTTP status of the answer, ``None`` where it has none.
        snippet: The beginning of the answer, at most a few hundred characters.
        maybe_delivered: Whether the platform may have acted on the request.
        permanent: Whether the same request would fail the same way, as with a
            redirect.
        retry_after: Seconds that the answer asked to wait; ``None`` where it did not.
    """

    def __init__(  # noqa: PLR0913 -- one argument per attribute, all but the first by name
        self,
        message: str,
        *,
        path: str = "",
        http_status: int | None = None,
        snippet: str = "",
        maybe_delivered: bool = False,
        permanent: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """Keep only the message in ``args``."""
        super().__init__(message)
        self.path = path
        self.http_status = http_status
        self.snippet = snippet
        self.maybe_delivered = maybe_delivered
        self.permanent = permanent
        self.retry_after = retry_after


class ApiError(AltcraftError):
    """The platform refused the request.

    Attributes:
        code: The answer's ``error``, or the HTTP status where it has none.
            The set is open: undocumented codes occur.
        text: The answer's ``error_text``.
        path: API method.
        http_status: HTTP status, which may be 200.
        maybe_delivered: Whether the platform may have acted on the request all
            the same; true only for a 5xx, 408 or 425 to a call that starts a task.
        retry_after: Seconds that the answer asked to wait; ``None`` where it did not.
    """

    def __init__(  # noqa: PLR0913 -- one argument per attribute, all but the first by name
        self,
        message: str,
        *,
        code: int = 0,
        text: str = "",
        path: str = "",
        http_status: int = 200,
        maybe_delivered: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """Keep only the message in ``args``."""
        super().__init__(message)
        self.code = code
        self.text = text
        self.path = path
        self.http_status = http_status
        self.maybe_delivered = maybe_delivered
        self.retry_after = retry_after


class BadRequestError(ApiError):
    """400: the platform cannot read the request."""


class AuthenticationError(ApiError):
    """401: the API token is missing, wrong or revoked."""


class TariffLimitError(ApiError):
    """402: the tariff (plan) does not allow more."""


class PermissionDeniedError(ApiError):
    """403: the token's role or object groups do not cover this."""


class NotFoundError(ApiError):
    """404: no such object, or no such API method on this install."""


class RateLimitedError(ApiError):
    """429: too many requests. The platform did not act on it, so the client retries it first.

    Attributes:
        of_target: Whether the platform accepted other requests since it refused this one
            before, so that the refusal seems to belong to the target.
    """

    of_target: bool = False


class ServerError(ApiError):
    """5xx: the platform, or a proxy in front of it, failed."""


class StartUnknownError(AltcraftError):
    """An earlier start of this target may have happened, so this one was not sent.

    Most often the process crashed while it started. Check the platform, then
    call ``await ledger.forget(entry)``; the next start is sent.

    Attributes:
        entries: Those of the ledger; more than one only from ``client.resume``.
        report: The newest counters; only with ``reconcile_starts``, and for one entry.
    """

    maybe_delivered = True

    def __init__(
        self,
        message: str,
        *,
        entries: tuple[LedgerEntry, ...],
        report: CountersReport | None = None,
    ) -> None:
        """Keep only the message in ``args``."""
        super().__init__(message)
        self.entries = entries
        self.report = report


class TaskError(AltcraftError):
    """A started task gave no result.

    Attributes:
        ref: The task, for ``client.tasks.attach(ref)``.
        status: The newest status; ``None`` before the first.
    """

    def __init__(self, message: str, *, ref: TaskRef, status: TaskStatus | None = None) -> None:
        """Keep only the message in ``args``, from which ``OSError`` would read more."""
        super().__init__(message)
        self.ref = ref
        self.status = status


class TaskFailedError(TaskError):
    """The platform says that the task failed. Start it again if the cause is gone."""


class TaskLostError(TaskError):
    """The platform has not known the task id for a while: it has expired, or is of another one."""


class WaitError(TaskError):
    """This wait ended, the task did not: await the handle again to go on."""


class WaitTimeoutError(WaitError, TimeoutError):
    """The task was not over within ``timeout`` seconds."""


class TaskStalledError(WaitError):
    """Status and progress did not move for ``stall`` seconds."""


class PollingError(WaitError):
    """Too many polls in a row failed; the last failure is the ``__cause__``."""
