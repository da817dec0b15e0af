"""Runs benchmarks in their smallest size, and checks that a broken criterion is found."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

pytest.importorskip("uvloop")  # on every system but Windows

from altcraft_async.api.options import CheckedOptions
from benchmarks import end_to_end, nginx, policies, starts
from benchmarks.__main__ import broken_criteria
from benchmarks.comparison import Row, at_most
from benchmarks.contenders.starts import CLIENTS, RELOADS
from benchmarks.end_to_end import CPU, LATENESS, REQUESTS
from benchmarks.processes import Measurements
from benchmarks.simulation.policies import POLICIES
from benchmarks.simulation.rate_limiter import EXPECTED_END, ORDERS

ROOT = Path(__file__).parents[1]


def met(rows: list[Row]) -> list[object]:
    return [row["met"] for row in rows]


def measured(cpu: float, lateness: float) -> list[Measurements]:
    return [{CPU: cpu, LATENESS: lateness}]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["end_to_end", "starts"])
def test_benchmark_runs_in_its_smallest_size(name: str) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra `bench`")
    command = [sys.executable, "-m", "benchmarks", "--quick", name]
    done = subprocess.run(  # noqa: S603 -- our own module
        command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.slow
@pytest.mark.skipif(nginx.PROGRAM is None, reason="nginx is not installed")
def test_client_is_right_about_every_start_while_nginx_is_reloaded() -> None:
    """A reload may break one start of each connection."""
    outcomes = starts.reloads(10.0, keepalive=1.0)
    assert (outcomes["wrong"], outcomes["not sent"]) == (0, 0)
    assert outcomes["confirmed"] > 0
    assert outcomes["ambiguous"] <= RELOADS * CLIENTS


@pytest.mark.slow
@pytest.mark.skipif(nginx.PROGRAM is None, reason="nginx is not installed")
def test_no_start_over_a_connection_of_its_own_is_ambiguous_while_nginx_is_reloaded() -> None:
    outcomes = starts.reloads(10.0, keepalive=0)
    assert outcomes["starts"] == outcomes["confirmed"] > 0


@pytest.mark.parametrize(("received", "wrong"), [(4, 1), (5, 0), (6, 0), (7, 1)])
def test_start_that_happened_against_what_the_client_said_is_wrong(
    received: int, wrong: int
) -> None:
    outcomes: Measurements = {"confirmed": 5, "ambiguous": 1, "not sent": 1}
    assert starts.checked(outcomes, received, 3)["wrong"] == wrong


def test_broken_criterion_says_what_was_measured_and_what_is_required() -> None:
    rows = [at_most("stall ms", 20, 20), at_most("CPU / by hand", 0.35, 0.974)]
    assert broken_criteria("end_to_end", {"Criteria": rows}) == [
        "end_to_end: CPU / by hand is 0.974, required ≤ 0.35"
    ]


def test_costs_are_compared_with_those_by_hand() -> None:
    plain = {
        "ours_many": measured(3.5, 30),
        "ours_gather": measured(6, 30),
        "by_hand": measured(10, 2_000),
    }
    tls = {"ours_many": measured(1, 30), "by_hand": measured(2, 2_000)}
    rows = end_to_end.cost_criteria(plain, tls, 10_000)
    assert [row["measured"] for row in rows] == [0.35, 0.6, 0.5, 30, 0.015]
    assert met(rows) == ["yes", "no", "yes", "yes", "yes"]


@pytest.mark.parametrize(("reconnects", "expected"), [(70, "yes"), (71, "no")])
def test_connections_may_shake_hands_again_after_a_thousand_requests(
    reconnects: int, expected: str
) -> None:
    handshakes = 2 * CheckedOptions().connections + reconnects
    row = end_to_end.handshakes({REQUESTS: 70_999, "handshakes": handshakes}, 10_000)
    assert row["met"] == expected


def test_lateness_with_latency_is_compared_with_that_by_hand() -> None:
    far = {
        0.15: {"ours_many": measured(1, 300), "by_hand": measured(1, 1_000)},
        0.5: {"ours_many": measured(1, 500), "by_hand": measured(1, 1_000)},
    }
    assert met(end_to_end.far_criteria(far)) == ["yes", "no"]


@pytest.mark.parametrize(("p95", "expected"), [(40.0, "yes"), (78.8, "no")])
def test_lateness_at_a_rate_limit_is_that_of_the_default_policy_in_the_clients_order(
    p95: float, expected: str
) -> None:
    ours = ("mixed", POLICIES[policies.DEFAULT].title, EXPECTED_END)
    rows: list[Row] = [
        {
            "progress": one[0],
            "policy": one[1],
            "polls ordered by": one[2],
            policies.P95: p95 if one == ours else 60.0 - p95,
        }
        for one in product(
            policies.LIMITED_PROGRESSES, [policy.title for policy in POLICIES], ORDERS
        )
    ]
    assert policies.limited_criterion(rows)["met"] == expected


@pytest.mark.parametrize(("last", "expected"), [(109.0, "yes"), (111.0, "no")])
def test_refresh_may_cost_a_tenth_more_than_at_the_cheapest_size(
    last: float, expected: str
) -> None:
    row = end_to_end.growth_criterion({1_000: 105.0, 10_000: 100.0, 100_000: last})
    assert row["met"] == expected
