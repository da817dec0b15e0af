"""`altcraft counters` of the three kinds of objects."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from altcraft_async.simulator import Simulator

Altcraft = Callable[..., tuple[int, str, str]]

ARGUMENTS = {
    "resources": ("24", "--database-id", "1"),
    "databases": ("1", "--resource-id", "24"),
    "segments": ("7", "--resource-id", "24", "--database-id", "1"),
}
IDS = {
    "resources": {"resource_id": "24", "database_id": "1"},
    "databases": {"database_id": "1", "resource_id": "24"},
    "segments": {"segment_id": "7", "resource_id": "24", "database_id": "1"},
}


@pytest.mark.parametrize("kind", ARGUMENTS)
@pytest.mark.parametrize("wire_format", ["json", "xml"])
def test_counters_are_read_without_a_refresh(
    account: Simulator,
    altcraft: Altcraft,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    wire_format: str,
) -> None:
    monkeypatch.setenv("ALTCRAFT_FORMAT", wire_format)
    code, out, err = altcraft(kind, "counters", *ARGUMENTS[kind], "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, err, len(account.starts)) == (0, "", 0)
    assert {row["channel"] for row in rows} == {"email", "sms", "push"}
    assert rows[0].items() >= IDS[kind].items()
    assert rows[0]["subscribed_sendable"]


def test_short_command_reads_counters_of_a_resource(account: Simulator, altcraft: Altcraft) -> None:
    _, out, _ = altcraft("counters", "24", "--database-id", "1", "--json")
    email, *_ = json.loads(out)["rows"]
    assert (email["resource_id"], email["database_id"], email["channel"]) == (24, 1, "email")
    assert email["subscribed"] == account.world.counters(24, 1)["email"].subscribed


def test_chart_draws_bars_in_a_pipe_too(account: Simulator, altcraft: Altcraft) -> None:
    _, out, _ = altcraft("resources", "counters", "24", "--database-id", "1", "--chart")
    _, *bars = out.splitlines()
    words = [bar.split() for bar in bars]
    assert {row[0] for row in words[::3]} == {"email", "sms", "push"}
    assert words[0][-1] == f"{account.world.counters(24, 1)['email'].subscribed:,}"
