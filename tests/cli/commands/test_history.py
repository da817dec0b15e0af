"""`altcraft history`: a chart and changes of one resource, and the movers of all."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from altcraft_async import CounterRow
from altcraft_async.history import CounterHistory
from tests.support.counts import night, row_of

Altcraft = Callable[..., tuple[int, str, str]]
OnTerminal = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Days are those of the machine, so the machine is one in Greenwich."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def write(path: Path, *rows: CounterRow) -> None:
    """Add rows to a history."""

    async def append() -> None:
        async with CounterHistory(path) as history:
            await history.append(rows)

    asyncio.run(append())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A history of ten nights: email rises by 10 a night, and hard bounces by 4 in the last."""
    path = tmp_path / "counters.sqlite"
    nights = [
        row_of(days, channel=channel, subscribed=900 - 10 * days, hardbounced=40 - 4 * (days > 0))
        for days in range(10)
        for channel in ("email", "sms")
    ]
    write(path, *nights, row_of(resource_id=25, name=None), row_of(1, resource_id=25, name=None))
    return path


@pytest.fixture
def history(path: Path, altcraft: Altcraft) -> Altcraft:
    """Runs ``altcraft history`` with that file."""
    return lambda *arguments: altcraft("history", *arguments, "--history", str(path))


def test_one_channel_has_a_chart_and_its_changes(history: Altcraft) -> None:
    code, out, err = history("24", "--database-id", "1", "--channel", "email")
    title, *chart, _, heads, _, times, subscribed, bounces, _ = out.splitlines()
    assert (code, err) == (0, "")
    what, counts, newest = title.rsplit(", ", 2)
    assert what == "resource 24 Shop, database 1, email: subscribed"
    assert (counts, newest) == ("10 counts", "the newest of 2030-01-31 02:00")
    assert chart[0].startswith("900 ")
    assert chart[-2].startswith("810 ")
    assert chart[-1].split() == ["2030-01-22", "2030-01-31"]
    assert [head.strip() for head in heads.split("    ")[-3:]] == [
        "now",
        "since yesterday",
        "since last-week",
    ]
    assert times.split() == ["2030-01-30", "02:00", "2030-01-24", "02:00"]
    assert subscribed.split() == ["subscribed", "900", "+10", "(+1.1", "%)", "+70", "(+8.4", "%)"]
    assert bounces.split() == ["hardbounced", "40", *["+4", "(+11.1", "%)"] * 2]


def test_show_may_be_named_and_every_channel_is_shown(history: Altcraft) -> None:
    code, out, _ = history("show", "24", "--counter", "hardbounced")
    assert code == 0
    assert [line.split(", ")[2] for line in out.splitlines() if line.startswith("resource")] == [
        "email: hardbounced",
        "sms: hardbounced",
    ]


@pytest.mark.parametrize(
    ("since", "change"),
    [
        ("2030-01-29", "+20 (+2.3 %)"),
        ("2030-01-29T01:00", "+30 (+3.4 %)"),
        ("2030-01-29T02:00:00Z", "+20 (+2.3 %)"),
        ("2029-12-31", "-"),
    ],
)
def test_any_date_or_time_can_be_compared_with(history: Altcraft, since: str, change: str) -> None:
    _, out, _ = history("24", "--channel", "email", "--since", since)
    (line,) = [line for line in out.splitlines() if line.startswith("subscribed")]
    assert line.split("900")[1].strip() == change


def test_chart_is_of_blocks_on_a_terminal_too(on_terminal: OnTerminal, path: Path) -> None:
    code, screen = on_terminal("history", "24", "--history", str(path))
    assert code == 0
    assert "⡠" in screen


def test_nothing_is_cut_on_a_narrow_screen(
    on_terminal: OnTerminal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    _, screen = on_terminal("history", "24", "--channel", "email", "--history", str(path))
    assert "…" not in screen
    assert screen.count("hardbounced") == 2
    assert screen.count("+4 (+11.1 %)") == 2


def test_json_and_csv_have_a_line_per_count_with_the_columns_of_a_row(history: Altcraft) -> None:
    _, out, _ = history("24", "--channel", "email", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    _, out, _ = history("24", "--channel", "email", "--csv-raw")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [tuple(one) for one in (lines[0], rows[0])] == [CounterRow._fields] * 2
    assert [line["subscribed"] for line in lines] == [int(row["subscribed"]) for row in rows]
    assert lines[-1]["refreshed_at"] == rows[-1]["refreshed_at"] == night(0).isoformat()


def test_movers_are_the_largest_changes_since_the_last_night(history: Altcraft, path: Path) -> None:
    write(
        path,
        row_of(1, resource_id=26, name="Big", subscribed=5000, hardbounced=1),
        row_of(resource_id=26, name="Big", subscribed=4000, hardbounced=100),
    )
    code, out, err = history("movers", "--top", "2")
    bounces, losses = out.split("\n\n")[:2]
    assert (code, err) == (0, "")
    assert [line.split("  ")[0] for line in bounces.splitlines()[2:]] == [
        "resource 26 Big, database 1, email",
        "resource 24 Shop, database 1, email",
    ]
    assert losses.splitlines()[2].split("  ")[-1].strip() == "-1,000 (-20.0 %)"


def test_movers_between_two_dates(history: Altcraft) -> None:
    _, out, _ = history("movers", "--since", "2030-01-25", "--until", "2030-01-30", "--json")
    assert out == ""
    _, out, _ = history("movers", "--since", "2030-01-25", "--json")
    first = json.loads(out.splitlines()[0])
    assert (first["counter"], first["before"], first["now"]) == ("hardbounced", 36, 40)
    assert first["before_at"] == night(6).isoformat()
    _, out, _ = history("movers", "--since", "2030-01-25", "--csv")
    (row, *_) = csv.DictReader(io.StringIO(out))
    assert list(row) == list(first)


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("hardbounced>+11%", 10),
        ("hardbounced>+12%", 0),
        ("subscribed<-1", 0),
        ("subscribed>+9", 10),
    ],
)
def test_limit_that_is_passed_ends_with_an_exit_code_of_its_own(
    history: Altcraft, limit: str, code: int
) -> None:
    got, out, err = history("movers", "--fail-if", "invalid>+5", "--fail-if", limit)
    assert got == code
    assert "hard bounces up" in out
    assert (f"altcraft: {limit}: resource 24 Shop, database 1, email: from " in err) == bool(code)


def test_yesterday_is_counted_from_the_night_that_until_names(history: Altcraft) -> None:
    for until in ("yesterday", "2030-01-30"):
        code, _, err = history("movers", "--until", until, "--fail-if", "subscribed>+9")
        assert code == 10
        assert "from 880 to 890" in err


@pytest.fixture
def same_day(altcraft: Altcraft, tmp_path: Path) -> Altcraft:
    """Runs ``altcraft history`` with a file of two runs on one day; sms is in the first only."""
    first, file = night(0) - timedelta(hours=1), tmp_path / "same-day"
    before = [row_of(channel=one, refreshed_at=first, hardbounced=20) for one in ("email", "sms")]
    write(file, *before, row_of(hardbounced=22))
    return lambda *arguments: altcraft("history", *arguments, "--history", str(file))


def test_previous_is_the_count_before_the_newest_of_each_channel(same_day: Altcraft) -> None:
    code, out, err = same_day("24", "--since", "previous")
    assert (code, err) == (0, "")
    changes = [line.split()[2:] for line in out.splitlines() if line.startswith("hardbounced")]
    assert changes == [["+2", "(+10.0", "%)"], ["-"]]


def test_movers_since_the_previous_count_compare_two_runs_of_one_day(same_day: Altcraft) -> None:
    limit = ("--fail-if", "hardbounced>+5%")
    code, out, err = same_day("movers", "--since", "previous", *limit)
    assert code == 10
    assert "+2 (+10.0 %)" in out
    assert "database 1, email: from 20 to 22" in err
    assert same_day("movers", *limit)[0] == 0


def test_nothing_to_compare_is_said_with_what_can_be_compared(same_day: Altcraft) -> None:
    hint = "\n  to compare with the count before the newest: --since previous\n"
    for command, upto in (("24", "yesterday or last-week"), ("movers", "yesterday")):
        code, _, err = same_day(command)
        assert code == 0
        assert err.startswith("altcraft: nothing to compare: ")
        assert f"no count up to {upto} has a later one" in err
        assert err.endswith(hint)
    _, _, err = same_day("24", "--channel", "sms", "--since", "previous")
    assert err == "altcraft: nothing to compare: nothing was counted twice\n"


def test_many_passed_limits_are_counted(history: Altcraft, path: Path) -> None:
    for days in (1, 0):
        rows = [row_of(days, resource_id=number, all=days) for number in range(100, 130)]
        write(path, *rows)
    _, _, err = history("movers", "--fail-if", "all<-50%")
    assert err.splitlines()[-1] == "altcraft: all<-50%: and 20 more"


def test_first_night_has_nothing_to_compare(altcraft: Altcraft, tmp_path: Path) -> None:
    for rows in ([], [row_of()]):
        write(tmp_path / "new", *rows)
        code, out, err = altcraft("history", "movers", "--history", str(tmp_path / "new"))
        assert (code, out) == (0, "hard bounces up: none\nsubscribers down: none\n")
        assert "nothing to compare" in err


def test_single_count_without_the_counter_of_the_chart_has_a_table(
    altcraft: Altcraft, tmp_path: Path
) -> None:
    write(tmp_path / "new", row_of(subscribed=None, hardbounced=5))
    code, out, _ = altcraft("history", "24", "--history", str(tmp_path / "new"))
    assert code == 0
    assert out.splitlines()[0].endswith("email: subscribed, 1 count of 2030-01-31 02:00")
    assert "hardbounced" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("24", "--channel", "emial"),
            "channel: no 'emial' of resource 24 in the history, only email, sms",
        ),
        (("24", "--counter", "bounces"), "Invalid value for '--counter': 'bounces'"),
        (("24", "--since", "someday"), "Invalid value for '--since': 'someday' is not previous"),
        (("24", "--since", "9999-12-31"), "Invalid value for '--since'"),
        (("movers", "--until", "2030-13-01"), "Invalid value for '--until'"),
        (("movers", "--fail-if", "bounces>+5%"), "Invalid value for '--fail-if': has to be 'all'"),
        (("movers", "--fail-if", "all=5"), "Invalid value for '--fail-if': has to be like"),
        (("movers", "--fail-if", "all>5"), "Invalid value for '--fail-if': needs a sign"),
        (("movers", "--until", "previous"), "Invalid value for '--until': previous is a word for"),
    ],
)
def test_wrong_argument_is_an_error_that_names_it(
    history: Altcraft, arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = history(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"altcraft: {words}")


def test_resource_without_counts_is_an_error_that_names_the_file(
    history: Altcraft, path: Path
) -> None:
    code, out, err = history("99")
    assert (code, out) == (2, "")
    assert err == f"altcraft: history: {path} has no counts of resource 99\n"


def test_file_that_is_missing_is_not_made(altcraft: Altcraft, tmp_path: Path) -> None:
    code, _, err = altcraft("history", "24", "--history", str(tmp_path / "new"))
    assert code == 2
    assert "'--history'" in err
    assert not list(tmp_path.iterdir())


def test_history_of_another_version_is_an_error(history: Altcraft, path: Path) -> None:
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 2")
    code, out, err = history("movers")
    assert (code, out) == (11, "")
    assert "version 2" in err


def test_png_has_a_line_per_channel(history: Altcraft, tmp_path: Path) -> None:
    code, out, _ = history("24", "--png", str(tmp_path / "chart.png"))
    assert code == 0
    assert out
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG\r\n")


@pytest.mark.slow
def test_png_draws_names_with_dollar_signs_and_several_databases(
    altcraft: Altcraft, tmp_path: Path
) -> None:
    write(tmp_path / "h", *(row_of(name="$\\no{$", channel="$^$", database_id=n) for n in (1, 2)))
    chart = tmp_path / "chart.png"
    assert altcraft("history", "24", "--png", str(chart), "--history", str(tmp_path / "h"))[0] == 0
    assert chart.exists()


def test_png_that_cannot_be_written_is_an_error_that_names_the_argument(
    history: Altcraft, tmp_path: Path
) -> None:
    code, _, err = history("24", "--png", str(tmp_path / "missing" / "chart.png"))
    assert code == 2
    assert err.startswith("altcraft: png: ")
    assert "No such file or directory" in err


def test_png_without_matplotlib_names_the_extra(
    history: Altcraft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # as if it was not installed
    code, _, err = history("24", "--png", str(tmp_path / "chart.png"))
    assert code == 2
    assert err.startswith(
        "altcraft: png: matplotlib.figure is missing: pip install 'altcraft-async[plot]'"
    )


def test_other_commands_load_neither_sqlite_nor_matplotlib() -> None:
    code = (
        "import sys; had = set(sys.modules)\n"
        "from altcraft_async.cli.actions import counters_all, refresh, refresh_all\n"
        "sys.exit(not {'sqlite3', 'matplotlib'}.isdisjoint(set(sys.modules) - had))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 -- our own words
