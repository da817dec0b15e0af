"""`altcraft resources counters-all`: what is read, and what fails."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from altcraft_async.simulator import Fault, Simulator, ThreadedSimulator

Altcraft = Callable[..., tuple[int, str, str]]

ALL = ("resources", "counters-all")
READ = "resources/get_counters"


def linked(account: Simulator) -> list[list[int]]:
    """Return each resource with each of its databases."""
    resources = map(account.world.resource, account.world.resources)
    return [[one.id, database_id] for one in resources for database_id in one.database_ids]


@pytest.fixture
def simulator() -> ThreadedSimulator:
    """A platform of a few resources."""
    return ThreadedSimulator(resources=20, databases=3)


def test_counters_of_every_resource_are_read_and_nothing_is_started(
    account: Simulator, altcraft: Altcraft
) -> None:
    code, out, err = altcraft(*ALL, "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert (code, err, dict(account.starts)) == (0, "", {})
    assert sorted(one["target"] for one in found) == linked(account)
    assert account.count(READ) == len(found)
    assert all(row["refreshed_at"] is None and row["name"] for row in found[0]["rows"])


def test_table_ends_with_how_many_were_read(account: Simulator, altcraft: Altcraft) -> None:
    _, out, _ = altcraft(*ALL)
    *table, totals = out.splitlines()
    size = len(linked(account))
    assert [line.split()[0] for line in table[2:5]] == ["email", "sms", "push"]
    assert totals.startswith(f"{size} of {size} reads, ")
    assert "polls" not in totals


def test_filter_reads_matches_only(account: Simulator, altcraft: Altcraft) -> None:
    _, out, _ = altcraft(*ALL, "--name", "* 2", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {row["resource_id"] for row in rows} == {"2"}
    assert account.count("resources/get") == 1


def test_filter_without_a_match_is_an_error(account: Simulator, altcraft: Altcraft) -> None:
    code, out, err = altcraft(*ALL, "--name", "none")
    assert (code, out, account.count(READ)) == (9, "", 0)
    assert "no resource matches" in err


@pytest.mark.parametrize("method", ["resources/get", READ])
def test_resource_that_cannot_be_read_is_the_only_failure(
    account: Simulator, altcraft: Altcraft, method: str
) -> None:
    account.misbehave(method, Fault.refuse(403))
    code, out, _ = altcraft(*ALL, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    failed = [row for row in rows if row["error"]]
    assert (code, [row["error"] for row in failed]) == (4, ["PermissionDeniedError"])
    assert len({row["resource_id"] for row in rows}) == 20


def test_list_that_fails_half_way_gives_what_was_listed(
    account: Simulator, altcraft: Altcraft
) -> None:
    account.misbehave("resources/list", Fault.refuse(403), after=2)  # the first says how many
    code, out, err = altcraft(*ALL, "--in-flight", "3")
    size = len(linked(account))
    assert code == 4
    assert f"{size} of {size} reads, " in out
    assert err.startswith("altcraft: resources/list: ")
