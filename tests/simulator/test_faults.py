"""Which requests planned and random faults affect."""

from __future__ import annotations

import pytest

from altcraft_async.simulator import Fault, Planned
from altcraft_async.simulator.faults import Script

RESET, PAGE = Fault.reset(), Fault.html()


def drawn(script: Script, requests: int, method: str = "tasks/status") -> list[Fault | None]:
    """Return the faults of so many requests."""
    return [script.draw(method) for _ in range(requests)]


def test_empty_script_has_no_faults() -> None:
    script = Script(0)
    assert drawn(script, 3) == [None, None, None]
    assert not script.pending
    assert not script.fired


def test_fault_affects_so_many_requests_after_so_many_others() -> None:
    script = Script(0)
    script.plan("tasks/status", Planned(RESET, times=2, after=1))
    assert drawn(script, 4) == [None, RESET, RESET, None]
    assert script.fired == {RESET: 2}


def test_faults_of_a_method_queue_up() -> None:
    script = Script(0)
    script.plan("tasks/status", Planned(RESET))
    script.plan("tasks/status", Planned(PAGE, after=1))
    assert drawn(script, 4) == [RESET, None, PAGE, None]


def test_fault_affects_its_own_method_only() -> None:
    script = Script(0)
    script.plan("resources/refresh_counters", Planned(RESET))
    assert drawn(script, 2) == [None, None]
    assert script.draw("resources/refresh_counters") == RESET


def test_pending_shows_what_is_left_of_each_fault() -> None:
    script = Script(0)
    script.plan("tasks/status", Planned(RESET, times=2))
    script.draw("tasks/status")
    assert script.pending == {"tasks/status": (Planned(RESET, times=1),)}
    script.draw("tasks/status")
    assert not script.pending


def test_random_faults_depend_on_the_seed_and_keep_to_the_rate() -> None:
    def run(seed: int) -> list[Fault | None]:
        script = Script(seed)
        script.plan_randomly(0.3, [RESET, PAGE], ["tasks/status"])
        return drawn(script, 1_000)

    assert run(1) == run(1) != run(2)
    hit = sum(fault is not None for fault in run(1))
    assert 230 < hit < 370
    assert {RESET, PAGE} < set(run(1))


def test_random_faults_spare_other_methods_and_end_at_rate_zero() -> None:
    script = Script(0)
    script.plan_randomly(1, [RESET], ["tasks/status"])
    assert drawn(script, 2) == [RESET, RESET]
    assert drawn(script, 2, "databases/refresh_counters") == [None, None]
    script.plan_randomly(0, [], ["tasks/status"])
    assert drawn(script, 2) == [None, None]


def test_planned_fault_precedes_a_random_one() -> None:
    script = Script(0)
    script.plan_randomly(1, [PAGE], ["tasks/status"])
    script.plan("tasks/status", Planned(RESET, after=1))
    assert drawn(script, 3) == [PAGE, RESET, PAGE]


@pytest.mark.parametrize("planned", [Planned(RESET, times=0), Planned(RESET, after=-1)])
def test_fault_that_would_never_happen_is_refused(planned: Planned) -> None:
    with pytest.raises(ValueError, match="times"):
        Script(0).plan("tasks/status", planned)


@pytest.mark.parametrize(("rate", "faults"), [(-0.1, [RESET]), (1.1, [RESET]), (0.5, [])])
def test_rate_that_is_not_from_0_to_1_or_has_no_faults_is_refused(
    rate: float, faults: list[Fault]
) -> None:
    with pytest.raises(ValueError, match="rate"):
        Script(0).plan_randomly(rate, faults, ["tasks/status"])


def test_equal_faults_are_one_key() -> None:
    assert Fault.status(503, retry_after=2) == Fault.status(503, retry_after="2")
    assert len({Fault.stall(1), Fault.stall(1), Fault.stall(2)}) == 2
