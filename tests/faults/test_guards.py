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
    "test_fault_raises_its_error_after_the_safe_number_of_requests[{}-{}-{}]"
)
FAST = "tests/transport/test_fast_exchange.py::"


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
        "transport/session_exchange.py",
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
        "int(answer.headers.get(hdrs.CONTENT_LENGTH, 0)) > self._limits.answer_bytes",
        "False",
        EXCHANGE.format("fast", "Content-Length of 100 GB", "poll"),
    ),
    "ambiguous starts are not retried": Guard(
        "transport/retry.py",
        "not error.maybe_delivered",
        "True",
        EXCHANGE.format("fast", "reset after the request is read", "start"),
    ),
    "start is not sent over a connection that was idle for long": Guard(
        "transport/http.py",
        "max_idle = self._start_idle if request.starts else LONGEST_IDLE",
        "max_idle = LONGEST_IDLE",
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
        "transport/session_exchange.py",
        "self._writer.output_size > 0",
        "False",
        EXCHANGE.format("session", "no answer", "start"),
    ),
    "an answer from before its request is refused": Guard(
        "transport/session_exchange.py",
        "if not self._body.is_sent:",
        "if False:",
        "tests/transport/test_session_exchange.py::"
        "test_answer_behind_a_large_one_goes_to_no_other_request",
    ),
    "a start that was sent past the session may be delivered": Guard(
        "transport/fast_exchange.py",
        "self.is_sent = True",
        "pass",
        EXCHANGE.format("fast", "no answer", "start"),
    ),
    "a connection whose answer was not read is not kept": Guard(
        "transport/fast_exchange.py",
        "is_over = is_whole and",
        "is_over =",
        FAST + "test_request_that_ended_early_leaves_its_answer_to_no_other[cancelled-nothing]",
    ),
    "a connection whose request may not be sent yet is not kept": Guard(
        "transport/fast_exchange.py",
        " and len(self._request.body) <= _SENT_AT_ONCE",
        "",
        "tests/transport/test_unfinished_exchange.py::"
        "test_connection_whose_request_was_refused_before_all_of_it_was_sent_is_not_kept",
    ),
    "a connection of an unfinished exchange is aborted": Guard(
        "transport/fast_exchange.py",
        "self._transport.abort()",
        "pass",
        "tests/transport/test_unfinished_exchange.py",
    ),
    "a connection with more than its answer is not kept": Guard(
        "transport/fast_exchange.py",
        "protocol is None or protocol.should_close or not protocol.is_connected()",
        "protocol is None",
        FAST + "test_connection_with_more_than_its_answer_is_closed_at_once",
    ),
    "a connection with a part of another answer is not kept": Guard(
        "transport/fast_exchange.py",
        "protocol.data_received(_EMPTY_LINES)",
        "pass",
        FAST + "test_connection_with_more_than_its_answer_is_closed_at_once[H]",
    ),
    "bytes on an idle connection are noticed": Guard(
        "transport/fast_exchange.py",
        "_drop_parser(protocol)\n        self._idle.append",
        "self._idle.append",
        FAST + "test_connection_with_bytes_that_no_request_asked_for_is_not_used[read-HTTP/1.1 2]",
    ),
    "bytes on an idle connection that were not read yet are noticed": Guard(
        "transport/fast_exchange.py",
        "return not arrived.poll(0)",
        "return True",
        FAST + "test_connection_with_bytes_that_no_request_asked_for_is_not_used",
    ),
    "a start that was not sent is not delivered": Guard(
        "transport/http.py",
        "delivered=exchange.is_sent and request.starts",
        "delivered=request.starts",
        "tests/transport/test_unsent.py::"
        "test_start_that_fails_before_its_first_byte_is_not_delivered",
    ),
    "5xx of a start may be delivered": Guard(
        "protocol/envelope.py",
        "(by_server or bool(acted))",
        "bool(acted)",
        EXCHANGE.format("fast", "503", "start"),
    ),
    "unreadable answer to a start may be delivered": Guard(
        "protocol/envelope.py",
        "answered.endpoint.starts and not refused",
        "False",
        EXCHANGE.format("fast", "HTML with 200", "start"),
    ),
    "the whole exchange has a limit": Guard(
        "transport/timeouts.py",
        "limit.time_out()",
        "pass",
        "tests/faults/test_bytes.py::test_any_bytes_on_a_connection_end_a_call",
    ),
    "what has arrived is read before a request times out": Guard(
        "transport/timeouts.py",
        "self._timer = loop.call_later(reading, self._cancel_late, loop, when)",
        "self._cancel_late(loop, when)",
        "tests/transport/test_standing_still.py::test_large_answer_that_came_meanwhile_is_read",
    ),
    "a wait makes a poll before it times out": Guard(
        "tasks/awaited_task.py",
        "if now - when > STOOD_STILL:",
        "if False:",
        "tests/transport/test_standing_still.py::"
        "test_wait_that_ended_meanwhile_makes_its_poll[0.0]",
    ),
    "an untrusted certificate is not retried": Guard(
        "transport/http.py",
        "aiohttp.ClientConnectorCertificateError,",
        "ZeroDivisionError,",
        "tests/faults/test_connecting.py::test_untrusted_certificate_is_refused_once",
    ),
    "starts and polls share cookies": Guard(
        "transport/session_exchange.py",
        "cookie_jar=self._cookies",
        "cookie_jar=None",
        "tests/transport/test_cookies.py::"
        "test_polls_reach_the_node_of_their_start[session-127.0.0.1]",
    ),
    "cookies of an answer are kept": Guard(
        "transport/fast_exchange.py",
        "if hdrs.SET_COOKIE in headers:",
        "if False:",
        "tests/transport/test_cookies.py::test_polls_reach_the_node_of_their_start[fast-127.0.0.1]",
    ),
    "a proxy in the environment is ignored": Guard(
        "transport/session_exchange.py",
        "cookie_jar=self._cookies",
        "cookie_jar=self._cookies, trust_env=True",
        "tests/faults/test_connecting.py::test_proxy_in_the_environment_is_ignored",
    ),
    "foreign errors are not chained": Guard(
        "transport/http.py",
        "error = _translated(",
        "raise _translated(",
        "tests/faults/test_canary.py::test_no_fault_shows_the_token[session-json-body]",
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
        "test_wait_ends_with_the_outcome_of_the_last_poll[fast-result of another database]",
    ),
    "retries of calls spend the retry budget": Guard(
        "transport/sender.py",
        " or not spend()",
        "",
        "tests/transport/test_sender.py::test_retries_end_when_the_shared_budget_is_spent",
    ),
    "early polls of waits spend the retry budget": Guard(
        "tasks/poll_rules.py",
        "0.0 if is_free else self.interval(track, ref, track.failing_since)",
        "0.0",
        "tests/faults/test_load.py::test_outage_adds_at_most_a_fifth_to_the_requests[200-fast]",
    ),
    "delays after a failed poll are random": Guard(
        "transport/retry.py",
        "scale * random",
        "scale",
        "tests/faults/test_load.py::test_requests_after_an_outage_are_spread_over_time[200-fast]",
    ),
    "no start is sent into an outage": Guard(
        "transport/sender.py",
        "if is_held():",
        "if False:",
        "tests/transport/test_outage.py::"
        "test_starts_that_wait_for_the_rate_when_an_outage_begins_are_not_sent",
    ),
    "polls that hang are run again after an outage": Guard(
        "tasks/scheduler.py",
        "if began < before and worker is not noticed:",
        "if False:",
        "tests/tasks/test_scheduler.py::test_jobs_that_wait_in_vain_run_again_and_newer_ones_go_on",
    ),
    "reads that hang are given up after an outage": Guard(
        "transport/http.py",
        "self._timeouts[False].shorten(0.0, age)",
        "pass",
        "tests/transport/test_black_hole.py::test_read_that_hangs_is_sent_again_after_the_return",
    ),
    "starts that hang are given up after an outage": Guard(
        "transport/http.py",
        "self._timeouts[True].shorten(start_seconds, age)",
        "pass",
        "tests/transport/test_black_hole.py::"
        "test_run_through_a_black_hole_ends_seconds_after_the_rest_is_done",
    ),
    "a late answer to a probe ends an outage": Guard(
        "transport/prober.py",
        "await asyncio.wait({probe}, timeout=limit)",
        "await asyncio.wait({probe}, timeout=limit); probe.cancel()",
        "tests/transport/test_black_hole.py::test_platform_that_comes_back_slowly_ends_the_outage",
    ),
    "polls go first after an outage": Guard(
        "transport/rate_limit.py",
        " if self._lifecycle.time() >= self._polls_first_until else 0",
        "",
        "tests/transport/test_rate_limit.py::test_polls_go_first_right_after_an_outage_only",
    ),
    "a refused target slows down no other": Guard(
        "transport/rate.py",
        "if self._is_of_its_target(request):",
        "if False:",
        "tests/transport/test_rate.py::"
        "test_target_that_is_refused_again_and_again_slows_down_nothing_else",
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
    "a large answer is read in a thread": Guard(
        "transport/sender.py",
        "if response.is_slow_to_read:",
        "if False:",
        "tests/transport/test_large_answers.py::test_answer_is_read_beside_the_loop[groups]",
    ),
    "a large answer is read so that the loop goes on": Guard(
        "protocol/fair_json.py",
        "if len(text) > FAIR:",
        "if False:",
        "tests/protocol/test_fair_json.py::test_other_threads_run_many_times_while_a_document_is_read",
    ),
    "a large result is decoded in a thread": Guard(
        "tasks/poller.py",
        "if answer.is_large:",
        "if False:",
        "tests/transport/test_large_answers.py::test_result_is_read_beside_the_loop",
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
        "async with gate or nullcontext():",
        "async with nullcontext():",
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
    "a name is kept before another one replaces its entry": Guard(
        "starts/ledger_starter.py",
        "await self._keep_name(entry)\n",
        "pass\n",
        "tests/starts/test_names.py::test_name_gets_its_own_task_after_other_names[memory]",
    ),
    "a lease ends when it was seen for its length": Guard(
        "starts/transitions.py",
        "length - waited)",
        "1e9)",
        "tests/starts/test_lease.py::test_lease_of_a_clock_that_was_ahead_ends_after_its_length",
    ),
    "a ledger that lost its entries gets them again": Guard(
        "starts/restore.py",
        "if found is None and self._running:",
        "if False:",
        "tests/starts/test_restore.py::"
        "test_process_that_joined_a_task_registers_it_again_under_its_name",
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
    """Copy the package to a folder, with what is compiled of it."""
    shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE)
    return tmp_path


@pytest.mark.slow
def test_named_tests_pass_against_an_unchanged_copy(copied: Path) -> None:
    (copied / "test_copied.py").write_text(
        f"import {PACKAGE}\ndef test(): assert {PACKAGE}.__file__.startswith({str(copied)!r})\n"
    )
    tests = dict.fromkeys(guard.test for guard in GUARDS.values())
    for ran in (run_against(copied, *tests), run_against(copied, str(copied / "test_copied.py"))):
        assert ran.returncode == 0, ran.output


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
    assert is_noticed(ran), f"{guard.test} did not fail:\n{ran.output}"
