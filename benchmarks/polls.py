"""What a status poll costs the client in CPU time, over real HTTP on loopback.

All contenders send the same requests to the same server, which answers with a
fixed body. Other tables show what each layer of the library adds to a poll, and compare
a whole refresh in XML and in JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from benchmarks.comparison import (
    Row,
    at_most,
    interleaved_slices,
    median,
    median_ratio,
    rounded,
)
from benchmarks.processes import Measurements, SlicedContender, running_server

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

LAYERS = {
    "loop": "asyncio and the system: a request written, an answer received, JSON",
    "exchange": "connections and parser of aiohttp",
    "transport": "limits of time and size, errors",
    "sender": "the API method: request, token, answer, outages, rate",
    "ours": "scheduler, poll policy, waiters: the whole poll",
}
"""What is added to the layer above it; the last is a contender of the first table."""

REFRESH = "CPU µs per refresh"
MOST_XML = 1.3  # of what a refresh in JSON costs

Slices = Mapping[str, Sequence[Measurements]]
"""The measurements of every slice by contender."""


def main(rounds: int = ROUNDS) -> dict[str, list[Row]]:
    """Compare the contenders, then the formats."""
    polls, layers, formats = _polls(rounds), _layers(rounds), _formats(rounds)
    cpu = {name: median(measured)[REFRESH] for name, measured in formats.items()}
    return {
        **_tables(polls, layers, formats),
        "Criteria": [
            at_most(
                "a poll / tuned bare aiohttp",
                0.6,
                median_ratio(polls["ours"], polls["tuned"], POLL),
            ),
            at_most(
                "a refresh in XML / JSON, everything included", MOST_XML, cpu["xml"] / cpu["json"]
            ),
        ],
    }


def quick() -> dict[str, list[Row]]:
    """Take one slice of each, without criteria."""
    return _tables(_polls(1), _layers(1), _formats(1))


def _polls(rounds: int) -> Slices:
    with running_server("fast_server", "fixed") as server:
        contenders = {
            name: partial(SlicedContender, "polls", name, str(server.port)) for name in TITLES
        }
        return interleaved_slices(contenders, rounds=rounds)


def _layers(rounds: int) -> Slices:
    with running_server("fast_server", "fixed") as server:
        port = str(server.port)
        contenders = {
            name: partial(SlicedContender, "polls" if name == "ours" else "layers", name, port)
            for name in LAYERS
        }
        return interleaved_slices(contenders, rounds=rounds)


def _tables(polls: Slices, layers: Slices, formats: Slices) -> dict[str, list[Row]]:
    return {
        "One poll": _poll_rows(polls),
        "What each layer adds to a poll": _layer_rows(layers),
        "One refresh with three polls": _format_rows(formats),
    }


def _poll_rows(slices: Slices) -> list[Row]:
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


def _layer_rows(slices: Slices) -> list[Row]:
    whole = [median(measured)[POLL] for measured in slices.values()]
    return [
        {
            "layer": LAYERS[name],
            "CPU µs": rounded(now - before),
            "% of a poll": rounded(100 * (now - before) / whole[-1]),
        }
        for name, before, now in zip(slices, [0.0, *whole], whole, strict=False)
    ]


def _ours_on_loop_of(name: str) -> str:
    return "ours_uvloop" if name.endswith("_uvloop") else "ours"


def _formats(rounds: int) -> Slices:
    with running_server("fast_server", "three_polls") as server:
        contenders = {
            name: partial(SlicedContender, "formats", name, str(server.port))
            for name in ("json", "xml")
        }
        return interleaved_slices(contenders, rounds=rounds)


def _format_rows(slices: Slices) -> list[Row]:
    return [
        {
            "format": name,
            REFRESH: rounded(median(runs)[REFRESH]),
            "this / JSON": rounded(median_ratio(runs, slices["json"], REFRESH)),
        }
        for name, runs in slices.items()
    ]
