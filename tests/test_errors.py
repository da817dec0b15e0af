"""The tree of errors."""

from __future__ import annotations

import builtins
import copy
import pickle
import re
import textwrap
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from altcraft_async import errors
from altcraft_async.errors import AltcraftError, TransportError, WaitError, WaitTimeoutError
from altcraft_async.models import CountersReport, LedgerEntry, TaskRef, TaskStatus

# Section 4 of the API contract, and the two errors of the ledger.
CONTRACT = """
AltcraftError
├── ConfigurationError (ValueError)        before anything was sent
├── ClientClosedError
├── TransportError                         no complete answer
│   ├── RequestTimeoutError (TimeoutError)
│   └── PlatformUnavailableError           not sent; .since .retry_after
├── ProtocolError                          a whole answer that is not Altcraft's
├── ApiError                               refused; .code .text .path .http_status
│   ├── BadRequestError 400 · AuthenticationError 401 · TariffLimitError 402 · PermissionDeniedError 403
│   ├── NotFoundError 404 · RateLimitedError 429 (.retry_after) · ServerError 5xx
├── LedgerError                            the ledger cannot be used; nothing was sent
├── HistoryError                           the history of counters cannot be used
├── StartUnknownError                      .entries .report
└── TaskError                              .ref .status
    ├── TaskFailedError                    terminal: the server says so
    ├── TaskLostError                      terminal: the task id is unknown to the server
    └── WaitError                          this wait ended, the handle can be awaited again
        ├── WaitTimeoutError (TimeoutError)
        ├── TaskStalledError               status and progress did not move
        └── PollingError                   so many polls in a row failed
"""  # noqa: E501 -- drawn as it is there

NIGHT = datetime(2026, 11, 25, 2, tzinfo=UTC)

FIELDS: dict[type[AltcraftError], Mapping[str, object]] = {
    errors.PlatformUnavailableError: {
        "path": "tasks/status",
        "since": NIGHT,
        "maybe_delivered": False,
        "permanent": False,
        "retry_after": 4.0,
        "local": True,
    },
    errors.ConfigurationError: {"wrong_value": True},
    errors.TransportError: {
        "path": "tasks/status",
        "maybe_delivered": True,
        "permanent": True,
        "local": True,
    },
    errors.ProtocolError: {
        "path": "tasks/status",
        "http_status": 502,
        "snippet": "<html>",
        "maybe_delivered": True,
        "permanent": True,
        "retry_after": 7.0,
    },
    errors.ApiError: {
        "code": 429,
        "text": "slow down",
        "path": "tasks/status",
        "http_status": 200,
        "maybe_delivered": True,
        "retry_after": 7.5,
    },
    errors.StartUnknownError: {
        "entries": (
            LedgerEntry(
                key="https://example.com/api/v1.1 resource 24 1",
                kind="resource",
                target=(24, 1),
                revision=1,
                owner="o1",
                intended_at=NIGHT,
                lease_until=NIGHT,
            ),
        ),
        "report": CountersReport(()),
    },
    errors.TaskError: {
        "ref": TaskRef(task_id="x", kind="resource", target=(24, 1)),
        "status": TaskStatus(status="running", progress=40, raw={"status": "running"}),
    },
}
NO_FIELDS: Mapping[str, object] = {}


def classes() -> list[type[AltcraftError]]:
    """Return all classes of the tree."""
    found = [AltcraftError]
    for one in found:
        found += one.__subclasses__()
    return [one for one in found if one.__module__ == errors.__name__]


def fields_of(kind: type[AltcraftError]) -> Mapping[str, object]:
    """Return a value for each attribute of a class."""
    return next((fields for base, fields in FIELDS.items() if issubclass(kind, base)), NO_FIELDS)


def made(kind: type[AltcraftError]) -> AltcraftError:
    """Return an error with all of its attributes set."""
    return kind("what happened", **fields_of(kind))


EVERY = pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)

Tree = dict[str, tuple[str | None, tuple[str, ...]]]


def drawn(drawing: str) -> Tree:
    """Read a drawing: the parent of each class, and the builtin class it also derives from."""
    tree: Tree = {}
    above: list[str] = []
    for line in textwrap.dedent(drawing).strip().splitlines():
        found = re.findall(r"\b([A-Z]\w+Error)\b(?: \((\w+)\))?", line)
        depth = re.search(r"[A-Z]", line)
        assert depth
        level = depth.start() // 4
        for name, builtin in found:
            tree[name] = (above[level - 1] if level else None, (builtin,) if builtin else ())
        above[level:] = [found[-1][0]]
    return tree


def real() -> Tree:
    """Return the same for the real classes."""
    tree: Tree = {}
    for kind in classes():
        bases = [base.__name__ for base in kind.__bases__]
        parents = [name for name in bases if name in errors.__all__]
        also = tuple(name for name in bases if hasattr(builtins, name) and name != "Exception")
        tree[kind.__name__] = (parents[0] if parents else None, also)
    return tree


def test_drawing_in_the_module_is_the_real_tree() -> None:
    assert drawn((errors.__doc__ or "").split("\n\n")[1]) == real()


def test_real_tree_is_that_of_the_contract() -> None:
    assert real() == drawn(CONTRACT)


def test_module_exports_the_whole_tree() -> None:
    assert sorted(errors.__all__) == sorted(kind.__name__ for kind in classes())


@EVERY
def test_error_has_its_message_in_args_and_its_fields_as_attributes(
    kind: type[AltcraftError],
) -> None:
    error = made(kind)
    assert (error.args, str(error)) == (("what happened",), "what happened")
    assert vars(error) == fields_of(kind)


@EVERY
def test_fields_have_defaults_but_for_ref_entries_and_since(kind: type[AltcraftError]) -> None:
    make: Callable[..., AltcraftError] = kind
    needed: dict[str, Any] = {
        name: value
        for name, value in fields_of(kind).items()
        if name in {"ref", "entries", "since"}
    }
    assert vars(make("what happened", **needed)).keys() == fields_of(kind).keys()
    if needed:
        with pytest.raises(TypeError, match="|".join(needed)):
            make("what happened")


@EVERY
def test_error_survives_pickling_with_its_fields(kind: type[AltcraftError]) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        error = pickle.loads(pickle.dumps(made(kind), protocol))  # noqa: S301 -- pickled right here
        assert (type(error), error.args) == (kind, ("what happened",))
        assert vars(error) == fields_of(kind)


@EVERY
def test_error_survives_copying_with_its_fields(kind: type[AltcraftError]) -> None:
    for copied in (copy.copy(made(kind)), copy.deepcopy(made(kind))):
        assert (type(copied), copied.args) == (kind, ("what happened",))
        assert vars(copied) == fields_of(kind)


@EVERY
def test_fresh_error_has_message_fields_and_cause_and_no_traceback(
    kind: type[AltcraftError],
) -> None:
    cause = OSError("reset")
    with pytest.raises(kind) as caught:
        raise made(kind) from cause
    fresh = caught.value.fresh()
    assert fresh is not caught.value
    assert (type(fresh), fresh.args) == (kind, ("what happened",))
    assert vars(fresh) == fields_of(kind)
    assert (fresh.__cause__, fresh.__traceback__, fresh.__context__) == (cause, None, None)
    assert caught.value.__traceback__ is not None


def test_raising_fresh_errors_leaves_the_kept_one_without_a_traceback() -> None:
    kept = TransportError("reset")
    for _ in range(3):
        with pytest.raises(TransportError):
            raise kept.fresh()
    assert kept.__traceback__ is None


def test_note_on_a_fresh_error_is_not_on_the_kept_one() -> None:
    kept = TransportError("reset")
    kept.add_note("of the error")
    kept.fresh().add_note("of one awaiter")
    assert kept.__notes__ == ["of the error"]


def test_fresh_error_without_cause_shows_its_context() -> None:
    kept = TransportError("reset")
    assert kept.fresh().__suppress_context__ == kept.__suppress_context__


@pytest.mark.parametrize("kind", [errors.RequestTimeoutError, WaitTimeoutError])
def test_timeouts_are_caught_as_the_builtin_timeout_error(kind: type[AltcraftError]) -> None:
    error = made(kind)
    assert isinstance(error, TimeoutError)
    assert (error.errno, error.strerror, error.filename) == (None, None, None)


def test_wait_errors_are_those_after_which_a_handle_can_be_awaited_again() -> None:
    assert {kind.__name__ for kind in classes() if issubclass(kind, WaitError)} == {
        "WaitError",
        "WaitTimeoutError",
        "TaskStalledError",
        "PollingError",
    }
