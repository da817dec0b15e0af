"""What a status poll costs the client in CPU time, over real HTTP on loopback.

All contenders send the same requests to the same server, which answers with a
fixed body. A second table compares a whole refresh in XML and in JSON.
"""

from __future__ import annotations

from functools import partial

from benchmarks.comparison import Row, interleaved_slices, median, median_ratio, rounded
from benchmarks.processes import SlicedContender, running_server

ROUNDS = 60

POLL = "CPU µs per poll"
TITLES = {
    "ours": "ours",
    "tuned": "tuned bare aiohttp",
    "minimal": "the same, without timeouts or waiting for the connection's release",
    "by_hand": "aiohttp + tenacity + json, a Task per refresh",
    "by_hand_httpx": "httpx + tenacity + json, a Task per refresh",
    "ours_uvloop": "ours on uvloop",
    "tuned_uvloop": "tuned bare aiohttp on uvloop",
}

REFRESH = "CPU µs per refresh"
MOST_XML = 1.3  # of what a refresh in JSON costs


def main(rounds: int = ROUNDS) -> dict[str, list[Row]]:
    """Compare the contenders, then the formats."""
    return {"One poll": _polls(rounds), "One refresh with three polls": _formats(rounds)}


def quick() -> dict[str, list[Row]]:
    """Take one slice of each."""
    return main(rounds=1)


def _polls(rounds: int) -> list[Row]:
    with running_server("fast_server", "fixed") as server:
        contenders = {
            name: partial(SlicedContender, "polls", name, str(server.port)) for name in TITLES
        }
        slices = interleaved_slices(contenders, rounds=rounds)
    return [
        {
            "contender": TITLES[name],
            POLL: rounded(median(measured)[POLL]),
            "ours / this, on the same loop": rounded(
                median_ratio(slices[_ours_on_loop_of(name)], measured, POLL)
            ),
        }
        for name, measured in slices.items()
    ]


def _ours_on_loop_of(name: str) -> str:
    return "ours_uvloop" if name.endswith("_uvloop") else "ours"


def _formats(rounds: int) -> list[Row]:
    with running_server("fast_server", "three_polls") as server:
        contenders = {
            name: partial(SlicedContender, "formats", name, str(server.port))
            for name in ("json", "xml")
        }
        slices = interleaved_slices(contenders, rounds=rounds)
    return [
        {
            "format": name,
            REFRESH: rounded(median(runs)[REFRESH]),
            "this / JSON": rounded(ratio := median_ratio(runs, slices["json"], REFRESH)),
            "met": "" if rounds < ROUNDS else "yes" if ratio <= MOST_XML else "no",
        }
        for name, runs in slices.items()
    ]
