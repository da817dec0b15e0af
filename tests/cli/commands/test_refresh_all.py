"""`altcraft resources refresh-all` against the simulator: complete, live, piped, broken off."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from altcraft_async import AccessGroup, Resource
from altcraft_async.cli.commands.refresh_all import chooser
from altcraft_async.simulator import Fault, Simulator

Altcraft = Callable[..., tuple[int, str, str]]
OnTerminal = Callable[..., tuple[int, str]]
Spawn = Callable[..., "subprocess.Popen[str]"]

ALL = ("resources", "refresh-all")
START = "resources/refresh_counters"


def linked(server: Simulator) -> Iterator[list[int]]:
    """Return what there is to refresh."""
    for number in server.world.resources:
        for database_id in server.world.resource(number).database_ids:
            yield [number, database_id]


@pytest.fixture
def simulator(request: pytest.FixtureRequest) -> Simulator:
    """A platform of a few resources, whose tasks take 0.1 s or as long as the test wants."""
    return Simulator(resources=20, databases=3, duration=getattr(request, "param", 0.1))


def test_every_resource_is_refreshed_in_each_of_its_databases(
    account: Simulator, altcraft: Altcraft
) -> None:
    """Nothing is left out and nothing is refreshed twice; a line comes for each."""
    code, out, err = altcraft(*ALL, "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert sorted(one["target"] for one in found) == list(linked(account))
    assert set(account.starts.values()) == {1}


def test_totals_are_printed_for_people(account: Simulator, altcraft: Altcraft) -> None:
    """A table of sums by channel, and how many refreshes there were."""
    code, out, _ = altcraft(*ALL)
    size = len(list(linked(account)))
    *table, totals = out.splitlines()
    assert code == 0
    assert [line.split()[0] for line in table[2:]] == ["email", "sms", "push"]
    assert totals.startswith(f"{size} of {size} refreshes, ")


def test_totals_as_bars(account: Simulator, altcraft: Altcraft) -> None:
    """``--chart`` draws the sums."""
    _, out, _ = altcraft(*ALL, "--chart", "--name", "* 1")
    *bars, _ = out.splitlines()
    assert [bar.split()[0] for bar in bars[::3]] == ["email", "sms", "push"]
    assert set(account.starts.values()) == {1}


def test_account_that_is_refused_has_no_totals(
    account: Simulator, altcraft: Altcraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums of nothing are not printed."""
    monkeypatch.setenv("ALTCRAFT_TOKEN", "wrong")
    code, out, err = altcraft(*ALL)
    assert (code, out, account.count("resources/list")) == (4, "", 1)
    assert "check ALTCRAFT_TOKEN" in err


def test_filter_that_fits_nothing_refreshes_nothing(account: Simulator, altcraft: Altcraft) -> None:
    """That is no failure, and the totals say it."""
    code, out, _ = altcraft(*ALL, "--group", "nobody")
    assert code == 0
    assert out.splitlines()[-1].startswith("0 of 0 refreshes, ")
    assert not account.starts


def test_filter_leaves_out_the_others(account: Simulator, altcraft: Altcraft) -> None:
    """Only resources of such a name are looked up and refreshed."""
    names = {number: account.world.resource(number).name for number in account.world.resources}
    _, out, _ = altcraft(*ALL, "--name", "* 1", "--name", "* 2?", "--csv")
    found = {int(row["resource_id"]) for row in csv.DictReader(io.StringIO(out))}
    assert {names[number].split()[-1] for number in found} == {"1", "20"}
    assert account.count("resources/get") == 2


@pytest.mark.parametrize(
    ("names", "groups", "is_wanted"),
    [
        ((), (), True),
        (("News*",), (), True),
        (("news*",), (), False),
        ((), ("north", "south"), True),
        ((), ("south",), False),
        (("News*",), ("south",), False),
        (("Shop*", "*24"), ("north",), True),
    ],
)
def test_names_and_groups_choose(
    names: tuple[str, ...],
    groups: tuple[str, ...],
    is_wanted: bool,  # noqa: FBT001 -- pytest passes it by name
) -> None:
    """One of the names and one of the groups has to fit, where any is given."""
    resource = Resource(id=24, name="News site 24", groups=(AccessGroup(id=2, name="north"),))
    assert chooser(names, groups)(resource) is is_wanted


def test_resource_that_cannot_be_looked_up_fails_alone(
    account: Simulator, altcraft: Altcraft
) -> None:
    """The others are refreshed, and the exit code is that of the failure."""
    account.misbehave("resources/get", Fault.refuse(403))
    code, out, err = altcraft(*ALL, "--csv")
    failed = [row for row in csv.DictReader(io.StringIO(out)) if row["error"]]
    assert code == 4
    assert [(row["error"], row["database_id"]) for row in failed] == [("PermissionDeniedError", "")]
    assert "1 of " in err
    assert len({ids[0] for _, ids in account.starts}) == 19


def test_failures_are_listed_with_the_totals(account: Simulator, altcraft: Altcraft) -> None:
    """People see what failed and why, below the sums of what did not."""
    account.misbehave(START, Fault.refuse(402, "Tariff limit"))
    code, out, _ = altcraft(*ALL)
    (line,) = [line for line in out.splitlines() if "Tariff limit" in line]
    assert code == 3
    assert line.split(":")[0].replace(" ", "").isdigit()


def test_list_that_fails_half_way_loses_nothing_that_was_counted(
    account: Simulator, altcraft: Altcraft
) -> None:
    """What was found before is refreshed and shown, then comes the error."""
    account.misbehave("resources/list", Fault.refuse(403), after=2)  # the first says how many
    code, out, err = altcraft(*ALL)
    size = len(list(linked(account)))
    assert code == 4
    assert f"{size} of {size} refreshes, " in out
    assert err.startswith("altcraft: resources/list: ")


def test_terminal_shows_how_far_it_is(account: Simulator, on_terminal: OnTerminal) -> None:
    """The display counts resources, of which the number is known, and what runs."""
    code, screen = on_terminal(*ALL)
    size = len(list(linked(account)))
    assert code == 0
    assert re.search(r"20/20 resources, ETA \S*0:00:00", screen)
    assert f"{size} completed, 0 failed, 0 running" in screen
    assert "█" in screen.rpartition("0 running")[2]


@pytest.mark.parametrize("simulator", [3600.0], indirect=True)
def test_interrupt_says_how_to_come_back_to_what_goes_on(
    account: Simulator, spawn: Spawn, altcraft: Altcraft
) -> None:
    """Ctrl-C ends it at once, and what was printed brings every running task back."""
    process = spawn(*ALL, "--json")
    size = len(list(linked(account)))
    deadline = time.monotonic() + 5
    while account.count(START) < size or account.count("tasks/status") < 5:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=5)
    stopped, back = err.splitlines()
    assert (process.returncode, out) == (130, "")
    assert stopped.startswith("altcraft: stopped after 0 refreshes; ")
    assert back.startswith("  the tasks go on; to come back: altcraft task wait ")
    tasks = back.rpartition("altcraft ")[2].split()
    assert len(tasks) == 2 + size
    code, out, err = altcraft(*tasks, "--timeout", "0", "--json")
    found = [json.loads(line)["target"] for line in out.splitlines()]
    assert (code, sorted(found)) == (8, list(linked(account)))
    assert f"{size} were not over in time" in err


def test_reader_that_goes_away_ends_it_quietly(account: Simulator, spawn: Spawn) -> None:
    """``altcraft … | head -1`` ends when ``head`` does, without a word."""
    process = spawn(*ALL, "--json")
    assert process.stdout
    assert process.stdout.readline().startswith("{")
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == ""
    assert process.wait(5) == 1
    assert account.count(START) > 0
