"""Faults that have a test of their own, as rows of the list for users."""

from __future__ import annotations

from typing import NamedTuple

POLL_FIRST = "[poll before you start again](#after-maybe_delivered)"
NOTHING = "nothing"
REFUSED = "mend what the text says"


class Row(NamedTuple):
    """One line of the list.

    Attributes:
        number: Of the fault.
        wrong: What goes wrong.
        start: What whoever starts sees.
        poll: What whoever polls, or reads something else, sees.
        sent: Requests, for a start and for a poll.
        todo: What to do about it.
        proofs: Tests that show it, as pytest names them.
    """

    number: int
    wrong: str
    start: str
    poll: str
    sent: str
    todo: str
    proofs: tuple[str, ...]

    def line(self) -> str:
        """Return it as a line of a Markdown table."""
        return f"| {' | '.join(map(str, self[:6]))} |\n"


def faults_test(name: str) -> str:
    """Name a test of this folder."""
    return f"tests/faults/test_{name}"


def fleet_test(name: str) -> str:
    """Name a test of several workers."""
    return f"tests/fleet/test_fleet.py::test_{name}"


def ledger_test(name: str) -> str:
    """Name a test of starts that a ledger notes."""
    return f"tests/starts/test_durable.py::test_{name}"


def feedback_test(name: str) -> str:
    """Name a test of the calls that the platform makes."""
    return f"tests/integrations/test_feedback.py::test_{name}"


AS_EVER = "works"
NOT_SENT = "`TransportError`, surely not delivered"


def both(number: int, wrong: str, sees: str, sent: str, todo: str, *proofs: str) -> Row:
    """Return a row where a start and a poll see the same."""
    return Row(number, wrong, sees, sees, sent, todo, proofs)


def works(number: int, wrong: str, *proofs: str, sent: str = "1 / 1") -> Row:
    """Return a row about something of which nobody sees anything."""
    return both(number, wrong, AS_EVER, sent, NOTHING, *proofs)


def waits(number: int, wrong: str, poll: str, todo: str, *proofs: str) -> Row:
    """Return a row about a task that was started."""
    return Row(number, wrong, "—", poll, "—", todo, proofs)


SINGLE = (
    both(
        1,
        "nobody listens there",
        NOT_SENT,
        "3 / 3",
        "check the address; safe to start again",
        faults_test("connecting.py::test_refused_connection_is_tried_three_times"),
    ),
    both(
        2,
        "the host name is not known",
        NOT_SENT,
        "3 / 3",
        "check the name; safe to start again",
        faults_test("connecting.py::test_unknown_host_is_looked_up_three_times"),
    ),
    both(
        3,
        "connecting takes too long",
        "`RequestTimeoutError`, surely not delivered",
        "3 / 3",
        "safe to start again",
        faults_test("connecting.py::test_connect_timeout_is_tried_three_times"),
        faults_test("connecting.py::test_connect_timeout_of_a_start_was_not_delivered"),
    ),
    works(
        4,
        "one of two addresses is dead",
        faults_test("connecting.py::test_dead_address_of_two_costs_no_error"),
    ),
    both(
        5,
        "the certificate is not trusted",
        f"{NOT_SENT}, `permanent`",
        "1 / 1",
        "mend it, or give an `ssl_context` that trusts it",
        faults_test("connecting.py::test_certificate_that_nobody_vouches_for_is_refused_once"),
    ),
    both(
        6,
        "the server speaks no TLS",
        NOT_SENT,
        "3 / 3",
        "check `https` and the port",
        faults_test("connecting.py::test_tls_to_a_plain_port_was_not_delivered"),
    ),
    works(
        10,
        "a kept connection was closed while idle",
        faults_test("exchange.py::test_connection_closed_while_idle_is_replaced_for_a_poll"),
        "tests/transport/test_http.py::test_starts_take_a_new_connection_each_and_polls_share_one",
    ),
    works(
        11,
        "a kept connection is closed at the very moment",
        faults_test("exchange.py::test_connection_closed_under_a_poll_is_replaced"),
        "tests/transport/test_http.py::test_starts_take_a_new_connection_each_and_polls_share_one",
        sent="1 / 2",
    ),
    works(
        12,
        "nothing is sent for longer than `request_timeout`",
        faults_test("connecting.py::test_idle_for_longer_than_a_request_may_take_is_no_fault"),
    ),
    works(
        27,
        "an answer that nobody asked for",
        faults_test("exchange.py::test_answer_that_nobody_asked_for_answers_no_later_request"),
    ),
    both(
        39,
        "413 before the body is read, and the server hangs up",
        "`ApiError`",
        "1 / 1",
        REFUSED,
        faults_test("exchange.py::test_refusal_of_a_body_that_nobody_reads_is_understood"),
    ),
    both(
        42,
        "a proxy refuses the connection",
        NOT_SENT,
        "3 / 3",
        "check the proxy",
        faults_test("connecting.py::test_proxy_that_nobody_runs_was_delivered_nothing"),
    ),
    both(
        42,
        "a proxy wants a login (407)",
        "`ApiError`, surely not delivered",
        "1 / 1",
        "give the session one",
        faults_test("connecting.py::test_proxy_that_wants_a_login_is_asked_once"),
    ),
    works(
        43,
        "proxies in the environment, which are not used: give a `session` that uses one",
        faults_test("connecting.py::test_proxy_of_the_environment_is_not_used"),
    ),
    Row(
        44,
        "the caller is cancelled",
        "`CancelledError` at once, perhaps delivered",
        "`CancelledError` at once",
        "≤ 1 / ≤ 1",
        POLL_FIRST,
        (
            "tests/tasks/test_cancellation.py::test_cancelled_call_ends_at_once",
            (
                "tests/tasks/test_cancellation.py::"
                "test_call_cancelled_after_any_number_of_turns_leaves_nothing"
            ),
            faults_test("cancelled.py::test_cancelled_wait_ends_at_once_wherever_it_is"),
            faults_test("cancelled.py::test_cancelled_connecting_ends_at_once"),
            faults_test("cancelled.py::test_cancelled_turn_goes_to_the_next"),
            (
                "tests/transport/test_sender.py::"
                "test_cancelled_request_ends_at_once_with_nothing_more_sent"
            ),
            "tests/transport/test_sender.py::test_cancelled_sending_ends_at_once",
            (
                "tests/transport/test_sender.py::"
                "test_cancelled_pause_ends_at_once_with_nothing_more_sent"
            ),
        ),
    ),
    both(
        45,
        "a third of 200 calls is cancelled",
        "each its own answer, or `CancelledError`",
        "—",
        NOTHING,
        "tests/tasks/test_cancellation.py::test_storm_of_cancellations_swaps_no_answers",
    ),
    waits(
        46,
        "`asyncio.timeout` around a handle",
        "`TimeoutError`; the task goes on",
        "await the handle again",
        faults_test("waiting.py::test_callers_timeout_around_a_handle_touches_no_task"),
    ),
    waits(
        47,
        "`timeout` ends within a pause",
        "`WaitTimeoutError`, in time",
        "await the handle again",
        faults_test("waiting.py::test_deadline_within_the_pause_after_a_failed_poll_is_kept"),
    ),
    Row(
        48,
        "the client is closed meanwhile",
        "`ClientClosedError`, perhaps delivered",
        "`ClientClosedError`",
        "≤ 1 / ≤ 1",
        "attach the `ref` to another client",
        (
            "tests/transport/test_lifecycle.py::test_request_under_way_is_ended_by_closing",
            "tests/tasks/test_handle.py::test_closing_the_client_ends_every_wait",
        ),
    ),
    both(
        49,
        "another event loop, or a fork",
        "`ConfigurationError` that says so",
        "0 / 0",
        "one client for each loop and process",
        "tests/transport/test_lifecycle.py::test_client_of_another_loop_is_refused",
        "tests/transport/test_lifecycle.py::test_client_of_the_process_that_was_forked_is_refused",
        "tests/transport/test_lifecycle.py::test_client_used_without_a_loop_says_what_it_needs",
    ),
    waits(
        50,
        "a task is stuck",
        "`WaitTimeoutError` or `TaskStalledError`, if limited",
        "await again, or attach its `ref` later",
        faults_test("waiting.py::test_stuck_task_ends_a_limited_wait_and_can_be_attached_later"),
        "tests/tasks/test_handle.py::test_stalled_task_ends_the_wait",
    ),
    waits(
        54,
        "the server does not know the task",
        "`TaskLostError`, after 5 s of grace",
        "check the id; start again",
        faults_test(
            "waiting.py::test_unknown_task_is_lost_after_its_grace_and_never_started_again"
        ),
    ),
    Row(
        61,
        "XML that points at files or addresses",
        "`ProtocolError`, `maybe_delivered`; nothing is fetched",
        "`ProtocolError`; nothing is fetched",
        "1 / 3",
        f"check `base_url`, and what stands between; after a start, {POLL_FIRST}",
        (faults_test("exchange.py::test_xml_makes_nobody_fetch_anything"),),
    ),
    waits(
        64,
        "JSON or XML",
        "equal reports",
        NOTHING,
        "tests/transport/test_http.py::test_json_and_xml_of_the_vendors_answer_are_equal",
        "tests/protocol/test_task_responses.py::test_any_report_reads_equal_in_both_formats",
    ),
    Row(
        65,
        "the same target is refreshed twice",
        "joins the task that runs",
        "—",
        "1 / —",
        '`join="never"` starts another',
        ("tests/starts/test_starter.py::test_starts_at_the_same_time_share_one_request",),
    ),
    Row(
        66,
        "with a ledger: the same target is refreshed by two processes",
        "the second joins the task that runs",
        "—",
        "1 / —",
        NOTHING,
        (
            ledger_test("next_process_joins_the_task_that_runs"),
            ledger_test("many_clients_that_begin_at_once_start_once"),
        ),
    ),
    waits(
        67,
        "with a ledger: the process that waits is killed",
        "the next one takes up the task",
        "run it again, or `client.resume()`; workers of taskiq do so by themselves",
        fleet_test("killed_worker_costs_no_refresh_and_no_second_start"),
        "tests/starts/test_resume.py::test_tasks_that_run_come_as_handles_and_their_end_is_noted",
    ),
    Row(
        68,
        "with a ledger: the process is killed while it starts",
        "`StartUnknownError` in the next one, if nobody can know",
        "—",
        "1 / —",
        "poll the platform, then `await ledger.forget(entry)`; or `reconcile_starts=True`",
        (
            "tests/starts/test_crashes.py::test_next_process_starts_once_or_says_that_nobody_knows",
            "tests/starts/test_crashes.py::test_with_the_figures_the_next_process_finds_out",
            faults_test("ledger_machine.py::test_nothing_is_started_twice_whoever_dies_when"),
        ),
    ),
    Row(
        69,
        "with a ledger: a job is delivered again while its worker lives",
        "the same task",
        "polled by both",
        "1 / —",
        "make `idle_timeout` longer",
        (fleet_test("slow_job_taken_twice_is_started_once"),),
    ),
    Row(
        70,
        "the ledger cannot be reached",
        "`LedgerError`; with workers of taskiq, waits",
        "goes on",
        "0 / —",
        "repair the store; nothing was sent",
        (
            ledger_test("without_the_ledger_nothing_is_sent"),
            ledger_test("task_that_cannot_be_noted_is_handed_out_and_noted_later"),
            fleet_test("restart_of_redis_loses_nothing"),
        ),
    ),
    Row(
        71,
        "with a ledger: a process is stopped for longer than its lease, and goes on",
        "not sent, unless that was between the last check and the sending",
        "—",
        "1 / —",
        NOTHING,
        (
            ledger_test("process_that_was_stopped_while_it_wrote_does_not_send"),
            fleet_test("suspended_worker_that_continues_starts_nothing_again"),
        ),
    ),
    waits(
        72,
        "the time of day is set, an hour on or back",
        f"{AS_EVER}; the clock is read only to place a dated `Retry-After`, when it comes, "
        "and `started_at` of a task from elsewhere, once",
        NOTHING,
        faults_test("waiting.py::test_wall_clock_that_jumps_changes_nothing"),
    ),
    waits(
        74,
        "an outage under many handles",
        "waits go on; no rush at its end",
        NOTHING,
        faults_test("load.py::test_end_of_an_outage_brings_no_rush"),
    ),
    waits(
        75,
        "a server that throttles: the client settles at what it takes",
        AS_EVER,
        NOTHING,
        faults_test("load.py::test_client_settles_at_what_a_throttling_server_takes"),
    ),
    both(
        76,
        "the process may open no more files",
        NOT_SENT,
        "3 / 3",
        "close some; the client recovers",
        faults_test(
            "connecting.py::test_process_without_free_descriptors_sends_nothing_and_recovers"
        ),
    ),
    waits(
        77,
        "a slow reader of many outcomes",
        "what piles up is bounded",
        NOTHING,
        faults_test("load.py::test_slow_reader_of_many_is_not_run_away_from"),
        faults_test("load.py::test_slow_reader_of_as_completed_costs_no_request_more"),
    ),
    waits(
        78,
        "a feedback call that is forged, repeated, huge, slow, or has a wrong address",
        "a poll a second at most; nothing that it says is believed",
        NOTHING,
        feedback_test("body_of_a_call_is_not_trusted"),
        feedback_test("call_to_a_wrong_url_gets_404_and_no_poll"),
        feedback_test("repeated_calls_cost_one_poll_per_interval"),
        "tests/integrations/test_feedback_bodies.py::test_only_the_first_megabyte_of_a_body_is_kept",
        "tests/integrations/test_feedback_bodies.py::test_slow_body_is_read_no_longer_than_its_timeout",
    ),
    waits(
        79,
        "a feedback call that never comes, or before the start has returned",
        AS_EVER,
        NOTHING,
        feedback_test("task_ends_without_any_call"),
        feedback_test("call_before_the_start_has_returned_is_kept"),
    ),
    both(
        81,
        "any of these, and what is printed or logged",
        "no token in it",
        "—",
        NOTHING,
        faults_test("canary.py::test_no_fault_makes_the_token_show"),
        faults_test("canary.py::test_no_wait_makes_the_token_show"),
        faults_test("canary.py::test_command_line_shows_no_token"),
    ),
    Row(
        82,
        "the command line is stopped, or its reader goes",
        "exit 130 or 143; says that it may have started",
        "exit 130 or 143; says how to come back",
        "—",
        "`altcraft wait`",
        (
            "tests/cli/test_cli_terminal.py::test_signal_while_waiting_says_how_to_come_back",
            "tests/cli/test_cli_terminal.py::test_signal_while_starting_warns",
            "tests/cli/test_cli_terminal.py::test_reader_that_goes_away_ends_it_quietly",
            "tests/cli/test_cli_terminal.py::test_reader_that_goes_away_during_a_wait_ends_it_quietly",
        ),
    ),
)
"""Those that have a test of their own."""
