"""What a worker reports, and what a reader makes of the reports of many."""

from __future__ import annotations

from altcraft_async.monitor.fleet_views import (
    GONE_MS,
    MAX_WORKERS,
    NEWS,
    Fleet,
    Report,
    news,
)
from altcraft_async.monitor.views import SHOWN, Arrival, Failure, Running, Summary, View, What

WHAT = What("resource", (24, 1))


def view(at: float = 0.0, *, running: int = 0, completed: int = 0, **summary: object) -> View:
    """Return a view of a worker with so many tasks, each since the second of its number."""
    rows = [Running(WHAT, "running", since=float(number)) for number in range(running)]
    fields: dict[str, object] = {"running": running, "totals": {"completed": completed}, **summary}
    return View(Summary(source="", at=at, **fields), rows)  # type: ignore[arg-type]


def test_first_report_has_everything_and_later_ones_what_is_new() -> None:
    old, new = Arrival(1.0, WHAT), Arrival(3.0, WHAT)
    first = View(view(2.0).summary, [], [old])
    assert news(first, None) == first
    second = View(view(4.0, completed=1).summary, [], [new, old])
    assert news(second, first) == View(second.summary, [], [new], [])


def test_one_report_has_the_newest_of_what_ended_at_once() -> None:
    many = [Arrival(float(-number), WHAT) for number in range(SHOWN)]
    found = news(View(view().summary, [], many), None)
    assert found
    assert found.arrived == many[:NEWS]


def test_idle_worker_reports_only_that_it_lives() -> None:
    assert news(view(1.0), view(0.0)) is None
    assert news(view(5.0), view(0.0)) is not None
    assert news(view(1.0, running=1), view(0.0)) is not None
    assert news(view(1.0), view(0.0, running=1)) is not None
    assert news(view(1.0, outage=(0.0, "away")), view(0.0)) is not None


def test_numbers_of_all_workers_are_summed_and_times_are_the_worst() -> None:
    fleet = Fleet()
    one = view(running=1, completed=2, bins=[1, 0], lateness=[1.0, 4.0], polls_per_task=2.0)
    two = view(running=2, completed=3, bins=[1, 1], lateness=[2.0, 3.0], outage=(7.0, "away"))
    fleet.add(0, Report("a", "one:1", one))
    fleet.add(0, Report("b", "two:1", two))
    found = fleet.view("fleet", 1000)
    assert (found.summary.workers, found.summary.running, found.summary.bins) == (2, 3, [2, 1])
    assert (found.summary.totals, found.summary.outage) == ({"completed": 5}, (7.0, "away"))
    assert (found.summary.lateness, found.summary.polls_per_task) == ([2.0, 4.0], 2.0)
    assert [(row.since, row.worker) for row in found.running] == [
        (0.0, "one:1"),
        (0.0, "two:1"),
        (1.0, "two:1"),
    ]


def test_newest_report_of_a_worker_replaces_its_numbers_and_adds_its_news() -> None:
    fleet = Fleet()
    for at in (1, 2):
        ended = View(
            view(completed=at).summary,
            [],
            [Arrival(float(at), WHAT)],
            [Failure(float(at), WHAT, "TaskFailedError", "it failed")],
        )
        fleet.add(at, Report("a", "one:1", ended))
    found = fleet.view("fleet", 3)
    assert found.summary.totals == {"completed": 2}
    assert [one.at for one in found.arrived] == [2.0, 1.0]
    assert [(one.at, one.worker) for one in found.failed] == [(2.0, "one:1"), (1.0, "one:1")]


def test_worker_without_reports_is_gone_and_what_it_did_stays() -> None:
    fleet = Fleet()
    fleet.add(0, Report("a", "one:1", view(running=1, completed=2)))
    found = fleet.view("fleet", GONE_MS)
    assert (found.summary.workers, found.summary.running, found.running) == (0, 0, [])
    assert found.summary.totals == {"completed": 2}


def test_numbers_of_the_workers_of_years_stay_bounded_and_true() -> None:
    fleet = Fleet()
    for number in range(MAX_WORKERS + 10):
        fleet.add(number, Report(f"{number}", "one:1", view(completed=1)))
    summary = fleet.view("fleet", MAX_WORKERS).summary
    assert summary.totals == {"completed": MAX_WORKERS + 10}
    assert summary.workers == MAX_WORKERS
