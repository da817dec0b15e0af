"""The programs in the guide on warehouses, each with the real thing."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from altcraft_async.history import CounterHistory
from altcraft_async.simulator import Simulator
from tests.support.counts import NIGHT, row_of
from tests.support.guides import example
from tests.support.postgres_server import running_postgres

SERIES = {(number, channel) for number in range(1, 6) for channel in ("email", "push", "sms")}


@pytest.fixture
async def account() -> AsyncGenerator[Simulator, None]:
    """Five resources, each in one database."""
    async with Simulator(resources=5, databases=1, duration=0.1) as server:
        yield server


async def run(
    folder: Path, program: str, *arguments: str, account: Simulator | None = None
) -> tuple[str, str]:
    """Run a program of the guide; return what it printed to stdout and stderr."""
    path = folder / "program.py"
    path.write_text(program)
    environment = dict(os.environ)
    if account is not None:
        environment |= {"ALTCRAFT_URL": account.url, "ALTCRAFT_TOKEN": account.token}
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        str(path),
        *arguments,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaints = await asyncio.wait_for(running.communicate(), 120)
    assert running.returncode == 0, complaints.decode()
    return printed.decode(), complaints.decode()


@pytest.mark.slow
async def test_parquet_has_a_typed_row_of_each_resource_and_channel(
    tmp_path: Path, account: Simulator
) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed (pip install polars)")
    assert await run(
        tmp_path, example("warehouse", "to_parquet.py"), "a.parquet", account=account
    ) == ("", "")
    frame = polars.read_parquet(tmp_path / "a.parquet")
    assert set(frame.select("resource_id", "channel").iter_rows()) == SERIES
    assert frame.schema["refreshed_at"] == polars.Datetime("us", "UTC")
    assert frame.schema["segment_id"] == polars.Int64
    assert account.world.resource(1).name in set(frame["name"])


async def test_duckdb_finds_the_rise_between_the_files_of_two_nights(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="duckdb is not installed (pip install duckdb)")
    polars = pytest.importorskip("polars", reason="polars is not installed (pip install polars)")
    for days, bounced in ((1, 30), (0, 47)):
        rows = [row_of(days, hardbounced=bounced), row_of(days, resource_id=25, hardbounced=5)]
        frame = polars.DataFrame(rows, orient="row")
        frame.write_parquet(tmp_path / f"counters-{days}.parquet")
    printed, _ = await run(tmp_path, example("warehouse", "bounces.py"), "counters-*.parquet")
    assert printed == "resource 24, database 1, email: 47 (+17)\n"


@pytest.mark.slow
async def test_duckdb_takes_a_history_once(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="duckdb is not installed (pip install duckdb)")
    async with CounterHistory(tmp_path / "counters.sqlite") as history:
        await history.append([row_of(days) for days in range(5)])
    for _ in range(2):
        printed, _ = await run(
            tmp_path, example("warehouse", "to_duckdb.py"), "counters.sqlite", "warehouse.duckdb"
        )
        assert printed == "5 rows\n"
    code = "import duckdb, sys; print(duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall())"
    query = "SELECT epoch_us(max(refreshed_at)), min(subscribed) FROM counters"
    asked = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(tmp_path / "warehouse.duckdb"), query),
        stdout=asyncio.subprocess.PIPE,
    )
    printed_row = (await asked.communicate())[0].decode()
    assert printed_row == f"[({int(NIGHT.timestamp()) * 1_000_000}, 800)]\n"


@pytest.mark.slow
async def test_postgres_has_each_refresh_of_two_nights(tmp_path: Path, account: Simulator) -> None:
    why = "psycopg is not installed (pip install 'psycopg[binary]')"
    psycopg = pytest.importorskip("psycopg", reason=why)
    with running_postgres() as address:
        for _ in range(2):
            assert await run(
                tmp_path, example("warehouse", "to_postgres.py"), address, account=account
            ) == ("", "")
        async with await psycopg.AsyncConnection.connect(address, autocommit=True) as warehouse:
            found = await warehouse.execute(
                "SELECT resource_id, channel, count(*), count(DISTINCT refreshed_at) "
                "FROM counters GROUP BY 1, 2"
            )
            assert {row[:2]: row[2:] for row in await found.fetchall()} == dict.fromkeys(
                SERIES, (2, 2)
            )
            again = "INSERT INTO counters SELECT * FROM counters ON CONFLICT DO NOTHING"
            assert (await warehouse.execute(again)).rowcount == 0
