"""Records as a Parquet file, for pandas, DuckDB and the like; what is written is safe at any time.

    sink = ParquetSink(Path("moods.parquet"))
    sink.emit(record)                      # a flushed line of moods.parquet.jsonl, the journal
    sink.close()                           # moods.parquet is written and put in place whole; the journal goes
    recover(Path("moods.parquet"))         # at the next start: journals that a killed process left become Parquet

A Parquet file cannot be read before its end is written, so it is never the place where records arrive: those are JSON
lines, of which a killed process loses none, and `python -m stream.report` reads them as they are. Columns are those of
the CSV output; a mood that a model does not know is null. Needs pyarrow, which is imported when a file is written.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stream.common.errors import StreamError, need
from stream.common.output import open_output
from stream.common.stop import Stop
from stream.common.text import plain
from stream.sinks.group import Sink
from stream.sinks.records import JsonLinesSink, columns, flat
from stream.tagging.record import Record

if TYPE_CHECKING:
    import pyarrow

logger = logging.getLogger(__name__)

JOURNAL = ".jsonl"
_ROWS = 10_000  # of a row group
_INTEGERS = ("schema", "window", "start_sample", "windows", "silent_windows", "gap_windows")
_TEXTS = ("type", "stream", "track", "status", "event", "mood_name", "detail", "error")


def need_pyarrow() -> None:
    """See that pyarrow is there.

    Raises:
        StreamError: it is not installed.
    """
    need("pyarrow", "a Parquet file", "pyarrow")


class ParquetSink(Sink):
    """Writes a journal of JSON lines, and a Parquet file of it at the end."""

    def __init__(self, path: Path, *, stop: Stop | None = None) -> None:
        """Open the journal.

        Raises:
            StreamError: it cannot be written, or pyarrow is not installed.
        """
        need_pyarrow()
        self.journal = path.with_name(path.name + JOURNAL)
        """Where the records are until the end."""
        self._path = path
        self._lines = JsonLinesSink(open_output(self.journal), stop=stop)
        self._open = True

    def emit(self, record: Record) -> None:
        """Write one record into the journal.

        Raises:
            StreamError: it cannot be written.
        """
        self._lines.emit(record)

    def close(self) -> None:
        """Make the Parquet file, and let the journal go. Safe to call twice.

        Raises:
            StreamError: it cannot be written; then the journal stays.
        """
        if not self._open:
            return
        self._open = False
        self._lines.close()
        convert(self.journal, self._path)


def convert(journal: Path, target: Path) -> int:
    """Turn a journal into a Parquet file and return how many records it holds; a line that was cut off is left out.

    Of a journal that somebody deleted there is no file, and a line in the log.

    Raises:
        StreamError: it cannot be written; then the journal stays.
    """
    import pyarrow  # noqa: PLC0415 -- heavy, and only here
    import pyarrow.parquet  # noqa: PLC0415

    unfinished = target.with_name(target.name + ".tmp")
    count = 0
    try:
        if not journal.exists():
            logger.error("%s has gone, and what was in it is lost", journal)
            return 0
        schema = _schema(_labels(journal))
        with unfinished.open("wb") as file:
            with pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
                rows = _rows(journal)
                while group := list(itertools.islice(rows, _ROWS)):
                    writer.write_table(pyarrow.Table.from_pylist(group, schema))
                    count += len(group)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
        journal.unlink(missing_ok=True)
    except (OSError, pyarrow.ArrowException) as error:
        with contextlib.suppress(OSError):  # the same may be wrong with it
            unfinished.unlink()
        reason = getattr(error, "strerror", None) or str(error)
        raise StreamError(
            f"cannot write results to {plain(str(target))}: {plain(reason)}; they are in {plain(str(journal))}"
        ) from None
    return count


def recover(path: Path) -> None:
    """Make Parquet files of the journals that processes with this output left behind when they were killed.

    Raises:
        StreamError: one cannot be read, or its file not written.
    """
    need_pyarrow()
    # In full: moods-kitchen.parquet may be another process's, which is writing its journal now.
    ours = re.compile(rf"{re.escape(path.stem)}(-\d{{8}}T\d{{6}}Z-\d{{6,}})?{re.escape(path.suffix + JOURNAL)}")
    try:
        for journal in sorted(path.parent.glob("*")) if path.parent.is_dir() else []:
            if ours.fullmatch(journal.name) and journal.is_file():
                _recover(journal, path)
    except OSError as error:
        reason = f"{plain(str(path))}: {plain(error.strerror or str(error))}"
        raise StreamError(f"cannot look for what an earlier run left of {reason}") from None


def _recover(journal: Path, path: Path) -> None:
    target = journal.with_name(journal.name.removesuffix(JOURNAL))
    if target == path:  # this run will write its own there
        written = datetime.fromtimestamp(journal.stat().st_mtime, UTC)
        target = path.with_name(f"{path.stem}-recovered-{written:%Y%m%dT%H%M%SZ}{path.suffix}")
    count = convert(journal, target)
    logger.warning("%d records of a run that was cut off are in %s", count, target)


def _labels(journal: Path) -> list[str]:
    labels: dict[str, None] = {}
    for row in _rows(journal):
        labels |= dict.fromkeys(name.partition(".")[2] for name in row if name.startswith(("mood.", "running.")))
    return list(labels)


def _rows(journal: Path) -> Iterator[dict[str, Any]]:
    with journal.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                row = flat(json.loads(line))
                row["time"] = datetime.fromisoformat(row["time"])
            except (ValueError, AttributeError, KeyError, TypeError):  # the last one, if the process was killed in it
                continue
            yield row


def _schema(labels: list[str]) -> pyarrow.Schema:
    import pyarrow  # noqa: PLC0415

    def kind(name: str) -> pyarrow.DataType:
        if name in _INTEGERS:
            return pyarrow.int64()
        if name == "time":
            return pyarrow.timestamp("ms", "UTC")
        return pyarrow.string() if name in _TEXTS or name.startswith("model.") else pyarrow.float64()

    return pyarrow.schema([(name, kind(name)) for name in columns(labels)])
