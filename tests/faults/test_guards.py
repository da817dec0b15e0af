"""Each guard by itself is needed: without it, a named test fails.

A copy of the package loses one guard, and the test is run against the copy.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "altcraft_async"

EXCHANGE = (
    "tests/faults/test_exchange.py::"
    "test_fault_gives_its_error_after_as_many_requests_as_are_safe[{}-{}]"
)


NOTICED = re.compile(
    r"^\S+:\d+: (assert |AssertionError|Failed: |TimeoutError|altcraft_async\.errors\.)",
    re.MULTILINE,
)
"""How pytest says that a test has noticed something, and not that the package is broken."""


class Guard(NamedTuple):
    """One guard, how it is taken away, and who has to notice.

    Attributes:
        file: Below the package.
        text: As it stands there.
        without: What takes its place.
        test: Fails without the guard.
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
        "tests/faults/test_exchange.py::test_redirect_is_not_followed_anywhere",
    ),
    "size is counted while reading": Guard(
        "transport/http.py",
        "left -= len(pieces[-1])",
        "left -= 0",
        "tests/faults/test_exchange.py::test_bomb_does_not_fill_the_memory",
    ),
    "size of what came at once is polled": Guard(
        "transport/http.py",
        " or len(body) > self._limits.answer_bytes",
        "",
        "tests/faults/test_exchange.py::test_small_limit_holds_for_what_came_with_the_head",
    ),
    "size is polled before reading": Guard(
        "transport/http.py",
        "(answer.content_length or 0) > self._limits.answer_bytes",
        "False",
        EXCHANGE.format("length of a hundred gigabytes", "poll"),
    ),
    "ambiguous starts are not repeated": Guard(
        "transport/retry.py",
        "not error.maybe_delivered",
        "True",
        EXCHANGE.format("reset after the request is read", "start"),
    ),
    "starts have connections of their own": Guard(
        "transport/http.py",
        "force_close=request.starts",
        "force_close=False",
        "tests/transport/test_http.py::test_starts_take_a_new_connection_each_and_polls_share_one",
    ),
    "only errors of ours are repeated": Guard(
        "transport/sender.py",
        "isinstance(failure, AltcraftError) and may_repeat(",
        "not isinstance(failure, AltcraftError) or may_repeat(",
        "tests/transport/test_sender.py::test_cancelled_repeat_ends_at_once_with_nothing_more_sent",
    ),
    "timeout of a start is ambiguous": Guard(
        "transport/http.py",
        '_Meaning("no whole answer in time", RequestTimeoutError)',
        '_Meaning("no whole answer in time", RequestTimeoutError, sent=False)',
        EXCHANGE.format("no answer at all", "start"),
    ),
    "5xx of a start is ambiguous": Guard(
        "protocol/envelope.py",
        "(by_server or bool(acted))",
        "bool(acted)",
        EXCHANGE.format("503", "start"),
    ),
    "answer of a start that cannot be read is ambiguous": Guard(
        "protocol/envelope.py",
        "answered.endpoint.starts and not refused",
        "False",
        EXCHANGE.format("HTML with 200", "start"),
    ),
    "the whole exchange has a limit": Guard(
        "transport/timeouts.py",
        "limit.expire()",
        "pass",
        "tests/faults/test_bytes.py::test_any_bytes_on_a_connection_end_a_call",
    ),
    "a bad certificate is not asked for again": Guard(
        "transport/http.py",
        "aiohttp.ClientConnectorCertificateError,",
        "ZeroDivisionError,",
        "tests/faults/test_connecting.py::test_certificate_that_nobody_vouches_for_is_refused_once",
    ),
    "no cookie is kept": Guard(
        "transport/http.py",
        "cookie_jar=aiohttp.DummyCookieJar()",
        "cookie_jar=None",
        "tests/transport/test_http.py::test_cookie_is_not_sent_back",
    ),
    "no proxy of the environment is used": Guard(
        "transport/http.py",
        "cookie_jar=aiohttp.DummyCookieJar()",
        "cookie_jar=aiohttp.DummyCookieJar(), trust_env=True",
        "tests/faults/test_connecting.py::test_proxy_of_the_environment_is_not_used",
    ),
    "foreign errors are not chained": Guard(
        "transport/http.py",
        "error = _translated(",
        "raise _translated(",
        "tests/faults/test_canary.py::test_no_fault_makes_the_token_show[json-body]",
    ),
    "texts of the server are searched for the token": Guard(
        "protocol/envelope.py",
        "answered.hide(said)[:SNIPPET_CHARACTERS]",
        "said[:SNIPPET_CHARACTERS]",
        "tests/faults/test_secrets.py::test_short_token_that_is_sent_back_is_not_shown",
    ),
    "answers are searched for the token": Guard(
        "protocol/token.py",
        "if shape in body:",
        "if shape is body:",
        "tests/faults/test_canary.py::test_token_that_a_server_sends_back_is_in_no_variable_of_ours",
    ),
    "bodies of requests do not show": Guard(
        "transport/sender.py",
        "SecretBytes(self._format.encode(sent))",
        "self._format.encode(sent)",
        "tests/faults/test_secrets.py::test_hook_that_prints_what_is_sent_prints_no_token",
    ),
    "no server makes a client wait for long": Guard(
        "transport/retry.py",
        "LONGEST_RETRY_AFTER = 120.0",
        "LONGEST_RETRY_AFTER = 1e12",
        "tests/transport/test_sender.py::test_wait_of_two_minutes_is_made_and_none_longer",
    ),
    "a result of another database is none": Guard(
        "protocol/task_responses.py",
        "wanted not in counted",
        "not counted",
        "tests/faults/test_waiting.py::"
        "test_wait_ends_with_what_the_last_poll_brought[result of another database]",
    ),
    "repeats of calls have a retry_budget": Guard(
        "transport/sender.py",
        " or not spend()",
        "",
        "tests/transport/test_sender.py::test_outage_is_not_answered_with_ever_more_repeats",
    ),
    "early polls of waits have the same retry_budget": Guard(
        "tasks/poller.py",
        "0.0 if self._client.retry_budget.spend() else self._pause(track, now)",
        "0.0",
        "tests/faults/test_load.py::test_outage_costs_the_server_hardly_more_than_no_outage[200]",
    ),
    "pauses after a failed poll are random": Guard(
        "transport/retry.py",
        "scale * chance",
        "scale",
        "tests/faults/test_load.py::test_end_of_an_outage_brings_no_rush[200]",
    ),
    "XML may declare no entities": Guard(
        "protocol/codecs.py",
        "xml_attribs=False)",
        "xml_attribs=False, disable_entities=False)",
        "tests/protocol/test_codecs.py::test_xml_entity_is_refused[billion laughs]",
    ),
    "much XML may declare no entities": Guard(
        "protocol/codecs.py",
        "parser.EntityDeclHandler = declared",
        "pass",
        "tests/protocol/test_codecs.py::test_entities_of_a_large_document_are_refused",
    ),
    "XML is bounded in depth": Guard(
        "protocol/codecs.py",
        "tags > MAX_DEPTH and not _is_flat(document, MAX_DEPTH)",
        "False",
        "tests/protocol/test_codecs.py::test_xml_is_bounded_in_depth",
    ),
    "much XML is bounded in depth before it is made into dicts": Guard(
        "protocol/codecs.py",
        "depth > MAX_DEPTH or elements",
        "elements",
        "tests/protocol/test_codecs.py::test_depth_of_much_xml_is_bounded_before_it_is_made_into_dicts",
    ),
    "XML is bounded in width": Guard(
        "protocol/codecs.py",
        " or elements > MAX_ELEMENTS",
        "",
        "tests/protocol/test_codecs.py::test_xml_of_too_many_elements_is_unreadable",
    ),
    "much XML is read off the loop": Guard(
        "transport/sender.py",
        "if response.is_slow_to_read:",
        "if False:",
        "tests/faults/test_exchange.py::test_wide_answer_does_not_stop_the_loop",
    ),
    "a token in the clear warns": Guard(
        "client.py",
        "if is_exposed(self._root):",
        "if False:",
        "tests/test_client.py::test_plain_http_to_another_machine_warns",
    ),
    "an unclosed client warns": Guard(
        "client.py",
        "parts is not None and parts.lifecycle.is_open",
        "False",
        "tests/test_client.py::test_client_that_nobody_closed_warns",
    ),
    "a closed client warns of nothing": Guard(
        "client.py",
        "parts is not None and parts.lifecycle.is_open",
        "parts is not None",
        "tests/test_client.py::test_client_that_nobody_closed_warns",
    ),
    "a client is of one process": Guard(
        "transport/lifecycle.py",
        "if self._process != os.getpid():",
        "if False:",
        "tests/transport/test_lifecycle.py::test_client_of_the_process_that_was_forked_is_refused",
    ),
    "a client is of one loop": Guard(
        "transport/lifecycle.py",
        "if self.loop is not loop:",
        "if False:",
        "tests/transport/test_lifecycle.py::test_client_of_another_loop_is_refused",
    ),
    "a start joins the task that runs": Guard(
        "starts/starter.py",
        "while (handle := self._running.find(start)) is not None:",
        "while (handle := None) is not None:",
        "tests/starts/test_starter.py::test_second_start_joins_the_running_task",
    ),
    "starts at the same time are one": Guard(
        "starts/starter.py",
        "pending = self._pending.get(key)",
        "pending = None",
        "tests/starts/test_starter.py::test_starts_at_the_same_time_share_one_request",
    ),
    "a start is noted before it is sent": Guard(
        "transport/sender.py",
        "async with gate:",
        "if True:",
        "tests/starts/test_durable.py::test_start_is_noted_before_it_is_sent_and_its_task_after",
    ),
    "who was overtaken does not send": Guard(
        "starts/intent.py",
        "        if not is_stored:\n            raise OvertakenError\n",
        "",
        "tests/starts/test_durable.py::test_many_clients_that_begin_at_once_start_once",
    ),
    "what took too long to write is not sent": Guard(
        "starts/intent.py",
        "if is_fresh(intent, now=self._ledger.now(), passed=time() - began):",
        "if True:",
        "tests/starts/test_durable.py::test_process_that_was_stopped_while_it_wrote_does_not_send",
    ),
    "an ambiguous failure leaves its intent": Guard(
        "starts/intent.py",
        "or not surely_not_started(error)",
        "or False",
        "tests/starts/test_durable.py::test_start_of_which_nobody_knows_is_not_sent_again",
    ),
    "a start of which nobody knows is settled first": Guard(
        "starts/transitions.py",
        "if left > 0 else Settle(entry)",
        "if left > 0 else Send()",
        "tests/starts/test_durable.py::test_start_of_which_nobody_knows_is_not_sent_again",
    ),
    "a task in the ledger is polled": Guard(
        "starts/transitions.py",
        "return Send() if entry.over else Join(entry.ref)",
        "return Send()",
        "tests/starts/test_durable.py::test_next_process_joins_the_task_that_runs",
    ),
    "an answered start is handed out without the ledger": Guard(
        "starts/durable.py",
        "except Exception as failed:  # noqa: BLE001 -- a ledger may be the user's code",
        "except ZeroDivisionError as failed:",
        "tests/starts/test_durable.py::"
        "test_task_that_cannot_be_noted_is_handed_out_and_noted_later",
    ),
}
"""By what they see to."""


def run_against(package: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run tests against the package in this folder."""
    unwanted = ("COV", "PYTEST", "HYPOTHESIS")
    environment = {name: one for name, one in os.environ.items() if not name.startswith(unwanted)}
    environment |= {
        "PYTHONPATH": str(package),
        "PYTHONDONTWRITEBYTECODE": "1",
        # What fails here is not to be tried again elsewhere.
        "HYPOTHESIS_STORAGE_DIRECTORY": str(package / "hypothesis"),
    }
    # -P, so that it is not the package of this checkout that is imported.
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-x", "--tb=line", "-m", "not slow"]
    return subprocess.run(  # noqa: S603 -- our own tests
        [*command, "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with a copy of the package."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE, ignore=ignored)
    return tmp_path


@pytest.mark.slow
def test_named_tests_pass_with_all_guards(copied: Path) -> None:
    """What fails without a guard passes with it, and it is the copy that is tested."""
    (copied / "test_copied.py").write_text(
        f"import {PACKAGE}\ndef test(): assert {PACKAGE}.__file__.startswith({str(copied)!r})\n"
    )
    tests = dict.fromkeys(guard.test for guard in GUARDS.values())
    for ran in (run_against(copied, *tests), run_against(copied, str(copied / "test_copied.py"))):
        assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_guard_reads_as_the_table_says(guard: Guard) -> None:
    """Who moves or rewords a guard hears of it at once: the table has to follow."""
    assert guard.text in (ROOT / PACKAGE / guard.file).read_text()


@pytest.mark.slow
@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_without_a_guard_its_test_fails(copied: Path, guard: Guard) -> None:
    """Taking one guard away is noticed."""
    path = copied / PACKAGE / guard.file
    source = path.read_text()
    path.write_text(source.replace(guard.text, guard.without))
    ran = run_against(copied, guard.test)
    failed = ran.returncode == pytest.ExitCode.TESTS_FAILED and NOTICED.search(ran.stdout)
    assert failed, f"nobody noticed:\n{ran.stdout}{ran.stderr}"
