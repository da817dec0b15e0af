"""The file of ``--output``: CSV, JSON lines or Parquet, by its ending.

Rows go into a temporary file beside it, which takes the name at the end. So a run that
is broken off leaves no half file, and the file of an earlier run stays as it was.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from altcraft_async import ConfigurationError, CountersReport, TaskKind
from altcraft_async.cli.csv_rows import HEADER, Record, csv_cells, outcome_records, report_records
from altcraft_async.cli.json_data import plain
from altcraft_async.cli.object_kinds import Outcome
from altcraft_async.cli.output import print_notice
from altcraft_async.cli.safe_text import inert, json_line
from altcraft_async.cli.totals import Totals
from altcraft_async.models.extras import MissingExtraError, extra

__all__ = ["OutputFile"]


class OutputFile:
    """Takes records one by one; enter it before anything is sent.

    Raises:
        ConfigurationError: The file cannot be written, or Parquet lacks its package; at the entry.
        OSError: The disk is full, or the file cannot be written any more.
    """

    def __init__(self, path: str | None) -> None:
        """Take a path whose ending the option has checked; ``None`` writes nothing."""
        self._path = None if path is None else Path(path)
        self._rows = 0

    def __enter__(self) -> Self:
        """Make the temporary file."""
        if self._path is None:
            return self
        if self._path.is_dir():
            msg = f"output: {self._path} is a directory, give a file in it"
            raise ConfigurationError(msg)
        # Real, so that a link to a file stays a link.
        self._final = self._path.resolve()
        self._part = self._final.with_name(f".{self._final.name}.{os.getpid()}.part")
        writer = _WRITERS[self._path.suffix.lower()]
        try:
            self._file: IO[bytes] = self._part.open("wb")
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            try:
                self._writer = writer(self._file)
            except BaseException:
                self._discard()
                raise
            return self
        msg = f"output: {self._path} cannot be written ({reason})"
        raise ConfigurationError(msg)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the file its name; after an error, remove it."""
        if self._path is None:
            return
        if kind is not None:
            self._discard()
            return
        try:
            self._writer.end()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            if self._final.exists():
                self._part.chmod(self._final.stat().st_mode & 0o777)
            self._part.replace(self._final)
        except BaseException:
            self._discard()
            raise
        rows = "1 row" if self._rows == 1 else f"{self._rows:,} rows"
        print_notice(f"{rows} in {self._path}")

    async def written(
        self, outcomes: AsyncGenerator[Outcome, None], kind: TaskKind, totals: Totals
    ) -> AsyncGenerator[Outcome, None]:
        """Add the rows of each outcome, and yield it."""
        async with aclosing(outcomes):
            async for outcome in outcomes:
                if self._path is not None:
                    self._add(outcome_records(kind, outcome, totals.name_of(outcome)))
                yield outcome

    def add_report(self, report: CountersReport, task_id: str = "") -> None:
        """Add the rows of a report."""
        if self._path is not None:
            self._add(report_records(report, task_id))

    def _add(self, records: Sequence[Record]) -> None:
        for record in records:
            self._writer.add(record)
        self._rows += len(records)

    def _discard(self) -> None:
        with suppress(OSError):  # what is left of a full disk's buffer
            self._file.close()
        self._part.unlink(missing_ok=True)


class _Csv:
    """Rows as ``--csv`` prints them: safe to open in a spreadsheet."""

    def __init__(self, file: IO[bytes]) -> None:
        self._text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        self._lines = csv.writer(self._text, lineterminator="\n")
        self._lines.writerow(HEADER)

    def add(self, record: Record) -> None:
        self._lines.writerow(map(inert, csv_cells(record)))

    def end(self) -> None:
        self._text.flush()
        self._text.detach()


class _JsonLines:
    """One flat object per row, with the columns of CSV."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(self, record: Record) -> None:
        values = {name: record.get(name) for name in HEADER}
        self._file.write(json_line(plain(values)).encode() + b"\n")

    def end(self) -> None:
        pass


class _Parquet:
    """Rows in memory, written at the end, as the format has its index there."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._pl = _polars()
        self._rows: list[tuple[object, ...]] = []

    def add(self, record: Record) -> None:
        self._rows.append(tuple(record.get(name) for name in HEADER))

    def end(self) -> None:
        pl = self._pl
        texts = dict.fromkeys(("kind", "name", "channel", "task_id", "error", "message"), pl.String)
        times = dict.fromkeys(("counted_at", "updated", "refreshed_at"), pl.Datetime("us", "UTC"))
        # Written down, as a column that is empty has no type of its own.
        schema = {name: {**texts, **times}.get(name, pl.Int64) for name in HEADER}
        written = io.BytesIO()
        pl.DataFrame(self._rows, schema=schema, orient="row").write_parquet(written)
        self._file.write(written.getbuffer())


def _polars() -> Any:  # noqa: ANN401 -- an extra, which need not be there
    try:
        with extra("parquet", "polars"):
            import polars as pl  # noqa: PLC0415 -- an extra, and slow to load
    except MissingExtraError as error:
        msg = f"output: {error}"
    else:
        return pl
    raise ConfigurationError(msg)


_Writer = _Csv | _JsonLines | _Parquet

_WRITERS: Mapping[str, Callable[[IO[bytes]], _Writer]] = {
    ".csv": _Csv,
    ".jsonl": _JsonLines,
    ".parquet": _Parquet,
}
