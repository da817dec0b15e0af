"""Rows of the list of faults about many handles, several processes, and the command line."""

from __future__ import annotations

from tests.faults.row import (
    CHECK_FIRST,
    NOT_DELIVERED,
    NOTHING,
    WORKS,
    Row,
    both,
    faults_test,
    feedback_test,
    fleet_test,
    ledger_test,
    outage_test,
    terminal_test,
    waits,
)

PROCESS_ROWS = (
    Row(
        66,
        "with a ledger: two processes refresh the same target",
        "the second joins the running task",
        "—",
        "1 / —",
        NOTHING,
        (
            ledger_test("ledger_starter.py::test_next_process_joins_the_running_task"),
            ledger_test("intent.py::test_clients_that_begin_at_once_start_once"),
        ),
    ),
    waits(
        67,
        "with a ledger: the waiting process is killed",
        "the next process continues with the task",
        "run it again, or use `client.resume()`; taskiq workers do so by themselves",
        fleet_test("killed_worker_costs_no_refresh_and_no_second_start"),
        ledger_test("resume.py::test_running_tasks_come_as_handles_and_their_end_is_written"),
    ),
    Row(
        68,
        "with a ledger: the process is killed during a start",
        "`StartUnknownError` in the next process, if the outcome is unknown",
        "—",
        "1 / —",
        "check the platform, then `await ledger.forget(entry)`; or set `reconcile_starts=True`",
        (
            ledger_test("crashes.py::test_next_process_starts_once_or_raises_start_unknown_error"),
            ledger_test("crashes.py::test_next_process_that_reconciles_starts_once"),
            faults_test("ledger_machine.py::test_nothing_starts_twice_whichever_process_dies"),
        ),
    ),
    Row(
        69,
        "with a ledger: a job is delivered again while its worker is alive, or after other runs",
        "the same task",
        "both workers poll it",
        "1 / —",
        "make `idle_timeout` longer",
        (
            fleet_test("slow_job_taken_twice_is_started_once"),
            ledger_test("names.py::test_name_gets_its_own_task_after_other_names"),
        ),
    ),
    Row(
        70,
        "the ledger cannot be reached",
        "`LedgerError`; taskiq workers wait",
        "continues",
        "0 / —",
        "repair the store; nothing was sent",
        (
            ledger_test("intent.py::test_ledger_that_fails_before_the_request_fails_the_start"),
            ledger_test(
                "write_behind.py::test_task_that_cannot_be_written_is_returned_and_written_later"
            ),
            fleet_test("restart_of_redis_loses_nothing"),
            (
                "tests/integrations/test_redis_frozen.py::"
                "test_starts_at_once_fail_within_the_time_of_one_command"
            ),
        ),
    ),
    Row(
        71,
        "with a ledger: a process pauses for longer than its lease, then continues",
        "not sent, unless it paused between the last check and the request",
        "—",
        "1 / —",
        NOTHING,
        (
            ledger_test("intent.py::test_process_that_was_suspended_while_it_wrote_does_not_send"),
            fleet_test("suspended_worker_that_continues_starts_nothing_again"),
        ),
    ),
    waits(
        72,
        "the system clock jumps by an hour",
        f"{WORKS}; the clock is read only for a `Retry-After` with a date, "
        "and once for `started_at` of a task from elsewhere",
        NOTHING,
        faults_test("waiting.py::test_jumping_wall_clock_changes_nothing"),
    ),
    waits(
        74,
        "an outage with many handles",
        "waits continue; no rush at the end",
        NOTHING,
        faults_test("load.py::test_requests_after_an_outage_are_spread_over_time"),
        outage_test("outage.py::test_open_handles_are_polled_within_seconds_of_the_return"),
    ),
    Row(
        74,
        "an outage during a run: connections are refused",
        "waits until the platform answers; nothing starts twice",
        "waits",
        "≤ 1 a second",
        NOTHING,
        (
            outage_test("outage.py::test_run_waits_out_refused_connections"),
            outage_test("outage.py::test_refresh_all_goes_on_listing"),
            outage_test("outage.py::test_requests_in_an_outage_are_few"),
        ),
    ),
    Row(
        74,
        "an outage during a run: error pages of a proxy",
        "waits; starts that were under way: `ProtocolError`, `maybe_delivered`",
        "waits",
        "≤ 1 a second",
        f"after such a start, {CHECK_FIRST}",
        (
            outage_test("outage.py::test_error_pages_make_ambiguous_only_the_starts_under_way"),
            outage_test("outage.py::test_requests_in_an_outage_are_few"),
        ),
    ),
    Row(
        74,
        "an outage during a run: requests vanish",
        "waits; starts that were under way: `RequestTimeoutError`, `maybe_delivered`",
        "waits; sent again as soon as the platform answers",
        "≤ 1 a second",
        f"after such a start, {CHECK_FIRST}",
        (
            outage_test(
                "black_hole.py::test_run_through_a_black_hole_ends_seconds_after_the_rest_is_done"
            ),
            outage_test(
                "black_hole.py::"
                "test_tasks_that_ended_in_a_black_hole_are_known_within_seconds_of_the_return"
            ),
            outage_test("black_hole.py::test_read_that_hangs_is_sent_again_after_the_return"),
            outage_test("black_hole.py::test_requests_in_a_black_hole_are_few"),
        ),
    ),
    both(
        74,
        "an outage longer than `outage_patience`, or known already when a single call is made",
        "`PlatformUnavailableError`, not delivered",
        "0 / 0",
        "run the rest again later; `retry_after` says when the client looks again",
        outage_test("outage.py::test_run_out_of_patience_fails_what_was_not_started"),
        outage_test("outage.py::test_single_start_fails_at_once_and_is_not_sent"),
        outage_test("outage.py::test_poll_of_a_handle_fails_at_once"),
    ),
    waits(
        75,
        "a server that throttles",
        f"{WORKS}; the client settles at the allowed rate",
        NOTHING,
        faults_test("load.py::test_client_settles_at_the_rate_of_a_throttling_server"),
    ),
    both(
        75,
        "stray refusals with 429, up to one in twenty",
        f"{WORKS}; only the refused request waits",
        "—",
        NOTHING,
        outage_test("rate.py::test_stray_refusals_change_nothing"),
        outage_test("rate.py::test_single_retry_after_holds_up_no_other_request"),
    ),
    both(
        75,
        "a target that is refused with 429 again and again",
        "`RateLimitedError` with `of_target`; other targets are as fast as before",
        "3 / 3, 10 in a run",
        "`retry_after` says how long to wait",
        outage_test("rate.py::test_target_that_is_refused_again_and_again_slows_down_nothing_else"),
        outage_test(
            "rate_over_sockets.py::test_refused_target_delays_no_other_and_gets_its_own_error"
        ),
        outage_test("rate_over_sockets.py::test_targets_that_are_always_refused_do_not_stop_a_run"),
    ),
    both(
        76,
        "the process cannot open more files",
        NOT_DELIVERED,
        "3 / 3",
        "close some; the client recovers",
        faults_test(
            "connecting.py::test_process_without_free_descriptors_sends_nothing_and_recovers"
        ),
    ),
    waits(
        77,
        "a slow consumer of many outcomes",
        "the backlog is bounded",
        NOTHING,
        faults_test("load.py::test_backlog_of_a_slow_consumer_is_bounded"),
        faults_test("load.py::test_slow_consumer_of_as_completed_costs_no_extra_request"),
    ),
    waits(
        78,
        "a feedback call that is forged, repeated, huge, slow, or has a wrong address",
        "at most one poll a second; the contents of the call are ignored",
        NOTHING,
        feedback_test("body_of_a_call_is_not_trusted"),
        feedback_test("call_to_a_wrong_url_gets_404_and_no_poll"),
        feedback_test("repeated_calls_cost_one_poll_per_interval"),
        "tests/integrations/test_feedback_bodies.py::test_only_the_first_megabyte_of_a_body_is_kept",
        "tests/integrations/test_feedback_bodies.py::test_slow_body_is_read_no_longer_than_its_timeout",
    ),
    waits(
        79,
        "a feedback call that never comes, or comes before the start has returned",
        WORKS,
        NOTHING,
        feedback_test("task_ends_without_any_call"),
        feedback_test("call_before_the_start_has_returned_is_kept"),
    ),
    both(
        81,
        "any of these, in printed or logged text",
        "no token in it",
        "—",
        NOTHING,
        faults_test("canary.py::test_no_fault_shows_the_token"),
        faults_test("canary.py::test_no_wait_shows_the_token"),
        faults_test("canary.py::test_command_line_shows_no_token"),
    ),
    Row(
        82,
        "the command line is stopped, or its output is closed",
        "exit 129, 130, 141 or 143; says that it may have started",
        "exit 129, 130, 141 or 143; prints how to come back",
        "—",
        "`altcraft wait`",
        (
            "tests/cli/test_waits.py::test_signal_while_waiting_prints_how_to_come_back",
            terminal_test("signal_while_starting_warns_that_the_task_may_have_started"),
            "tests/cli/test_broken_output.py::test_closed_pipe_ends_a_batch_with_the_way_back",
            "tests/cli/test_broken_output.py::test_pipe_closed_in_a_wait_ends_it_with_the_way_back",
            "tests/cli/test_broken_output.py::test_full_disk_ends_a_command_with_the_way_back",
            "tests/cli/test_broken_output.py::test_closed_terminal_ends_a_command_with_the_way_back",
        ),
    ),
)
