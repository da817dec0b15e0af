"""Each guard is needed: if a copy of the package loses it, a named test fails."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.mutant import ROOT, is_noticed, run_against

PACKAGE = "altcraft_async"

EXCHANGE = (
    "tests/faults/test_exchange.py::"
    "test_fault_raises_its_error_after_the_safe_number_of_requests[{}-{}]"
)


class Guard(NamedTuple):
    """One guard, its replacement, and the test that notices.

    Attributes:
        file: Path below the package.
        text: Source of the guard.
        without: Replacement that disables it.
        test: Test that fails without the guard.
    """

    file: str
    text: str
    without: str
    test: str


GUARDS: Mapping[str, Guard] = {
    "redirects are not followed": Guard(
        "transport/http.py",
        "allow_redirects=False",
        "allow_redirects=True",
        "tests/faults/test_exchange.py::test_redirect_is_not_followed",
    ),
    "size is measured while reading": Guard(
        "transport/http.py",
        "left -= len(pieces[-1])",
        "left -= 0",
        "tests/faults/test_exchange.py::test_gzip_bomb_does_not_fill_the_memory",
    ),
    "size of a body that arrives with the headers is checked": Guard(
        "transport/http.py",
        " or len(body) > self._limits.answer_bytes",
        "",
        "tests/faults/test_exchange.py::test_answer_limit_applies_to_a_body_that_arrives_with_the_headers",
    ),
    "declared size is checked before reading": Guard(
        "transport/http.py",
        "(answer.content_length or 0) > self._limits.answer_bytes",
        "False",
        EXCHANGE.format("Content-Length of 100 GB", "poll"),
    ),
    "ambiguous starts are not retried": Guard(
        "transport/retry.py",
        "not error.maybe_delivered",
        "True",
        EXCHANGE.format("reset after the request is read", "start"),
    ),
    "start is not sent over a connection that was idle for long": Guard(
        "transport/http.py",
        "idle = self._start_idle if request.starts else POLL_IDLE",
        "idle = POLL_IDLE",
        "tests/transport/test_keepalive.py::test_start_after_a_pause_takes_a_new_connection",
    ),
    "task with a forged call is polled as without calls": Guard(
        "policies/callbacks.py",
        "self._state = _State.VOID",
        "self._state = _State.AWAITED",
        "tests/policies/test_callbacks.py::test_forged_call_is_void_and_changes_nothing_for_other_tasks",
    ),
    "only errors of the package are retried": Guard(
        "transport/sender.py",
        "isinstance(failure, AltcraftError) and may_retry(",
        "not isinstance(failure, AltcraftError) or may_retry(",
        "tests/transport/test_sender.py::test_cancelled_retry_ends_at_once_with_nothing_more_sent",
    ),
    "a start that was sent may be delivered": Guard(
        "transport/http.py",
        "self._writer.output_size > 0",
        "False",
        EXCHANGE.format("no answer", "start"),
    ),
    "a start that was not sent is not delivered": Guard(
        "transport/http.py",
        "delivered=body.is_sent and request.starts",
        "delivered=request.starts",
        "tests/transport/test_unsent.py::"
        "test_start_that_fails_before_its_first_byte_is_not_delivered",
    ),
    "5xx of a start may be delivered": Guard(
        "protocol/envelope.py",
        "(by_server or bool(acted))",
        "bool(acted)",
        EXCHANGE.format("503", "start"),
    ),
    "unreadable answer to a start may be delivered": Guard(
        "protocol/envelope.py",
        "answered.endpoint.starts and not refused",
        "False",
        EXCHANGE.format("HTML with 200", "start"),
    ),
    "the whole exchange has a limit": Guard(
        "transport/timeouts.py",
        "limit.time_out()",
        "pass",
        "tests/faults/test_bytes.py::test_any_bytes_on_a_connection_end_a_call",
    ),
    "an untrusted certificate is not retried": Guard(
        "transport/http.py",
        "aiohttp.ClientConnectorCertificateError,",
        "ZeroDivisionError,",
        "tests/faults/test_connecting.py::test_untrusted_certificate_is_refused_once",
    ),
    "no cookie is kept": Guard(
        "transport/http.py",
        "cookie_jar=aiohttp.DummyCookieJar()",
        "cookie_jar=None",
        "tests/transport/test_http.py::test_cookie_is_not_sent_back",
    ),
    "a proxy in the environment is ignored": Guard(
        "transport/http.py",
        "cookie_jar=aiohttp.DummyCookieJar()",
        "cookie_jar=aiohttp.DummyCookieJar(), trust_env=True",
        "tests/faults/test_connecting.py::test_proxy_in_the_environment_is_ignored",
    ),
    "foreign errors are not chained": Guard(
        "transport/http.py",
        "error = _translated(",
        "raise _translated(",
        "tests/faults/test_canary.py::test_no_fault_shows_the_token[json-body]",
    ),
    "the token is masked in error texts": Guard(
        "protocol/envelope.py",
        "masked_line(error_text, answered.mask)",
        "masked_line(error_text, str)",
        "tests/faults/test_secrets.py::test_short_token_sent_back_is_not_shown",
    ),
    "the token is masked in answers": Guard(
        "protocol/token.py",
        "if shape in body:",
        "if shape is body:",
        "tests/faults/test_canary.py::test_token_sent_back_by_a_server_is_in_no_variable_of_the_package",
    ),
    "request bodies are not printed": Guard(
        "transport/sender.py",
        "body=SecretBytes(",
        "body=bytes(",
        "tests/faults/test_secrets.py::test_trace_hook_that_prints_request_chunks_prints_no_token",
    ),
    "a Retry-After has an upper limit": Guard(
        "transport/retry.py",
        "LONGEST_RETRY_AFTER = 120.0",
        "LONGEST_RETRY_AFTER = 1e12",
        "tests/transport/test_sender.py::test_retry_after_of_more_than_two_minutes_is_raised",
    ),
    "a result of another database is refused": Guard(
        "protocol/counter_responses.py",
        "wanted not in counted",
        "not counted",
        "tests/faults/test_waiting.py::"
        "test_wait_ends_with_the_outcome_of_the_last_poll[result of another database]",
    ),
    "retries of calls spend the retry budget": Guard(
        "transport/sender.py",
        " or not spend()",
        "",
        "tests/transport/test_sender.py::test_retries_end_when_the_shared_budget_is_spent",
    ),
    "early polls of waits spend the retry budget": Guard(
        "tasks/poll_rules.py",
        "0.0 if client.retry_budget.spend() else self.interval(track, ref, now)",
        "0.0",
        "tests/faults/test_load.py::test_outage_adds_at_most_a_fifth_to_the_requests[200]",
    ),
    "delays after a failed poll are random": Guard(
        "transport/retry.py",
        "scale * random",
        "scale",
        "tests/faults/test_load.py::test_requests_after_an_outage_are_spread_over_time[200]",
    ),
    "XML may declare no entities": Guard(
        "protocol/codecs.py",
        "parser.EntityDeclHandler = declared",
        "pass",
        "tests/protocol/test_codecs_bounds.py::test_xml_entity_is_refused[billion laughs]",
    ),
    "XML is bounded in depth": Guard(
        "protocol/codecs.py",
        "len(above) > MAX_DEPTH or elements",
        "elements",
        "tests/protocol/test_codecs_bounds.py::test_xml_is_bounded_in_depth",
    ),
    "XML is bounded in width": Guard(
        "protocol/codecs.py",
        " or elements > MAX_ELEMENTS",
        "",
        "tests/protocol/test_codecs_bounds.py::test_xml_of_too_many_elements_is_unreadable",
    ),
    "large XML is parsed in a thread": Guard(
        "transport/sender.py",
        "if response.is_slow_to_read:",
        "if False:",
        "tests/faults/test_exchange.py::test_wide_answer_does_not_block_the_loop",
    ),
    "an exposed token warns": Guard(
        "protocol/base_url.py",
        "if is_exposed(root):",
        "if False:",
        "tests/test_client.py::test_plain_http_to_another_machine_warns_at_the_line_of_the_caller",
    ),
    "an unclosed client warns": Guard(
        "client.py",
        "parts is not None and parts.lifecycle.is_open",
        "False",
        "tests/test_client.py::test_open_client_that_is_garbage_warns",
    ),
    "a closed client does not warn": Guard(
        "client.py",
        "parts is not None and parts.lifecycle.is_open",
        "parts is not None",
        "tests/test_client.py::test_open_client_that_is_garbage_warns",
    ),
    "a client belongs to one process": Guard(
        "transport/lifecycle.py",
        "if self._process != os.getpid():",
        "if False:",
        "tests/transport/test_lifecycle.py::test_client_opened_before_a_fork_is_refused_after_it",
    ),
    "a client belongs to one loop": Guard(
        "transport/lifecycle.py",
        "if self.loop is not loop:",
        "if False:",
        "tests/transport/test_lifecycle.py::test_client_of_another_loop_is_refused",
    ),
    "a start joins the running task": Guard(
        "starts/starter.py",
        "while (handle := self._registry.find(start)) is not None:",
        "while (handle := None) is not None:",
        "tests/starts/test_starter.py::test_second_start_joins_the_running_task",
    ),
    "simultaneous starts share one request": Guard(
        "starts/starter.py",
        "pending = self._pending.get(_key(start))",
        "pending = None",
        "tests/starts/test_starter.py::test_starts_at_the_same_time_share_one_request",
    ),
    "an intent is written before a start is sent": Guard(
        "transport/sender.py",
        "async with gate:",
        "if True:",
        "tests/starts/test_intent.py::"
        "test_intent_is_written_before_the_start_is_sent_and_the_task_after",
    ),
    "a start whose entry was changed is not sent": Guard(
        "starts/intent.py",
        "        if not is_stored:\n            raise EntryChangedError\n",
        "",
        "tests/starts/test_intent.py::test_clients_that_begin_at_once_start_once",
    ),
    "a start whose intent took too long to write is not sent": Guard(
        "starts/intent.py",
        "if is_fresh(intent, now=self._ledger.now(), passed=time() - began):",
        "if True:",
        "tests/starts/test_intent.py::test_process_that_was_suspended_while_it_wrote_does_not_send",
    ),
    "an ambiguous failure keeps its intent": Guard(
        "starts/intent.py",
        "or not surely_not_started(error)",
        "or False",
        "tests/starts/test_ledger_starter.py::test_start_with_a_lost_answer_is_not_sent_again",
    ),
    "a start with a lost answer is reconciled first": Guard(
        "starts/transitions.py",
        "if left > 0 else Reconcile(entry)",
        "if left > 0 else Send()",
        "tests/starts/test_ledger_starter.py::test_start_with_a_lost_answer_is_not_sent_again",
    ),
    "a running task in the ledger is joined": Guard(
        "starts/transitions.py",
        "return Send() if entry.over else JoinIfRunning(entry.ref)",
        "return Send()",
        "tests/starts/test_ledger_starter.py::test_next_process_joins_the_running_task",
    ),
    "an answered start is returned though the ledger fails": Guard(
        "starts/ledger_starter.py",
        "except Exception as failed:  # noqa: BLE001 -- a ledger may be the user's code",
        "except ZeroDivisionError as failed:",
        "tests/starts/test_write_behind.py::"
        "test_task_that_cannot_be_written_is_returned_and_written_later",
    ),
}
"""Guards by what they ensure."""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Copy the package to a folder."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE, ignore=ignored)
    return tmp_path


@pytest.mark.slow
def test_named_tests_pass_against_an_unchanged_copy(copied: Path) -> None:
    (copied / "test_copied.py").write_text(
        f"import {PACKAGE}\ndef test(): assert {PACKAGE}.__file__.startswith({str(copied)!r})\n"
    )
    tests = dict.fromkeys(guard.test for guard in GUARDS.values())
    for ran in (run_against(copied, *tests), run_against(copied, str(copied / "test_copied.py"))):
        assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_guard_matches_the_source(guard: Guard) -> None:
    """Update the table if you move or reword a guard."""
    assert guard.text in (ROOT / PACKAGE / guard.file).read_text()


@pytest.mark.slow
@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_without_a_guard_its_test_fails(copied: Path, guard: Guard) -> None:
    path = copied / PACKAGE / guard.file
    source = path.read_text()
    path.write_text(source.replace(guard.text, guard.without))
    ran = run_against(copied, guard.test)
    assert is_noticed(ran), f"{guard.test} did not fail:\n{ran.stdout}{ran.stderr}"
