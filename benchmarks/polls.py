"""What a status poll costs the client in CPU time, over real HTTP on loopback, everything included.

The rivals send the same requests to the same server, which answers with a
fixed body: bare aiohttp, tuned as its documentation says and then stripped of
what a program needs, and what one would write with aiohttp or httpx,
tenacity, and a Task per refresh. A second
table has what a refresh costs in XML and in JSON, from its start to its result.
"""

from __future__ import annotations

from functools import partial

from benchmarks.processes import Figures, Sliced, served
from benchmarks.side_by_side import Row, median, ratio, round_off, slices

ROUNDS = 60

POLL = "CPU µs per poll"
TITLES = {
    "ours": "ours",
    "tuned": "tuned bare aiohttp",
    "barest": "the same without any time limit, and without the wait for its connection",
    "by_hand": "aiohttp + tenacity + json, a Task each",
    "by_hand_httpx": "httpx + tenacity + json, a Task each",
    "ours_uvloop": "ours on uvloop",
    "tuned_uvloop": "tuned bare aiohttp on uvloop",
}

REFRESH = "CPU µs per refresh"
PARSING = "of it xmltodict µs"


def main() -> dict[str, list[Row]]:
    """Measure both."""
    return {"One poll": _polls(), "One refresh of three polls": _formats()}


def _polls() -> list[Row]:
    with served("fixed") as server:
        starts = {name: partial(Sliced, "polls", name, str(server.port)) for name in TITLES}
        taken = slices(starts, rounds=ROUNDS)
    return [
        {
            "contender": TITLES[name],
            POLL: round_off(median(figures)[POLL]),
            "ours on that loop / this": round_off(ratio(taken[_ours_like(name)], figures, POLL)),
        }
        for name, figures in taken.items()
    ]


def _ours_like(name: str) -> str:
    return "ours_uvloop" if name.endswith("_uvloop") else "ours"


def _formats() -> list[Row]:
    with served("counted") as server:
        starts = {
            name: partial(Sliced, "formats", name, str(server.port)) for name in ("json", "xml")
        }
        taken = slices(starts, rounds=ROUNDS)
    own = {name: [_own(figures) for figures in runs] for name, runs in taken.items()}
    return [
        {
            "format": name,
            **{figure: round_off(value) for figure, value in median(taken[name]).items()},
            "beyond xmltodict, this / JSON": round_off(ratio(runs, own["json"], REFRESH)),
        }
        for name, runs in own.items()
    ]


def _own(figures: Figures) -> Figures:
    return {REFRESH: figures[REFRESH] - figures[PARSING]}
