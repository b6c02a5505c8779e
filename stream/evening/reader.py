"""Reads recorded sessions back: JSON lines, CSV and Parquet, whole or in parts.

    recording = read([Path("moods-20260101T200000Z-000001.jsonl"), ...])
    recording.rows                         # dicts as in JSON lines, by time; `time` is a datetime
    recording.bad                          # lines that are no records, skipped: the last one of a killed run

Whatever the kind of file, a row has `mood` and `running` as dicts or None, and None for what the record does not have.
All rows are in memory, so they have only what an evening is made of.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stream.common.errors import StreamError
from stream.common.text import plain
from stream.sinks.parquet import need_pyarrow
from stream.sinks.records import restored
from stream.sinks.result_file import kind_of

Row = dict[str, Any]

_TYPES = ("estimate", "final", "event", "status")
_NUMBERS = ("start_s", "end_s", "rms_dbfs", "at_s", "probability", "lost_s")
_COUNTS = ("window", "windows", "silent_windows", "gap_windows")
_TEXTS = ("track", "status", "event", "mood_name")
_MOODS = ("mood", "running")
_NEEDED = {
    "estimate": ("start_s", "end_s", "status"),
    "final": ("start_s", "end_s", "windows"),
    "event": ("at_s", "event", "mood_name"),
}
_KEPT = {
    "estimate": ("start_s", "end_s", "status", "mood"),
    "final": ("start_s", "end_s", "status", "running", "track", "windows", "model"),
    "event": ("at_s", "event", "mood_name"),
    "status": ("end_s", "status"),
}
"""What a row has beside type, stream and time."""

_ROWS = 1000  # of Parquet at once
_MOST = 1e10  # seconds, 300 years: more is no recording, and no axis could be drawn
_YEARS = range(1970, 2970)


@dataclasses.dataclass(frozen=True, slots=True)
class Recording:
    """What was read: ``rows`` by time, and how many lines were ``bad``."""

    rows: list[Row]
    bad: int


def read(paths: Sequence[Path]) -> Recording:
    """Read files of records.

    Raises:
        StreamError: a file cannot be read, or there is no record in any.
    """
    rows: list[Row] = []
    bad = 0
    for path in paths:
        for raw in _raw_rows(path):
            try:
                rows.append(_row(raw))
            except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
                bad += 1
    if not rows:
        raise StreamError(f"there is no record in {', '.join(plain(str(path)) for path in paths)}")
    return Recording(sorted(rows, key=lambda row: row["time"]), bad)


def _raw_rows(path: Path) -> Iterator[Any]:
    try:
        match kind_of(path):
            case "jsonl":
                yield from _lines(path)
            case "csv":
                with path.open(encoding="utf-8", errors="replace", newline="") as file:
                    yield from map(_from_cells, csv.DictReader(file))
            case "parquet":
                yield from _from_parquet(path)
    except OSError as error:
        raise StreamError(f"{plain(str(path))} cannot be read: {error.strerror or error}") from None
    except csv.Error as error:
        raise StreamError(f"{plain(str(path))} is no CSV of records: {error}") from None


def _lines(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                yield None


def _from_parquet(path: Path) -> Iterator[Any]:
    with path.open("rb"):  # what is wrong with the file is said before what is missing to read it
        need_pyarrow()
    import pyarrow.parquet  # noqa: PLC0415 -- heavy, and only for this kind

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS):
                yield from map(_nested, batch.to_pylist())
    except pyarrow.ArrowException as error:
        raise StreamError(f"{plain(str(path))} is no Parquet file: {plain(str(error).splitlines()[0])}") from None


def _from_cells(cells: dict[str, str]) -> Any:
    """Return a row of CSV with numbers for texts; a cell that begins with an apostrophe has it before a formula."""
    row: Row = {}
    for name, text in cells.items():
        if text in ("", None) or not isinstance(name, str):
            continue
        is_number = name in _NUMBERS or name in _COUNTS or name.startswith(tuple(f"{moods}." for moods in _MOODS))
        try:
            row[name] = float(text) if is_number else restored(text)
        except ValueError:
            return None
    return _nested(row)


def _nested(flat: Row) -> Row:
    row: Row = {name: value for name, value in flat.items() if "." not in name}
    for moods in _MOODS:
        own = {name.partition(".")[2]: value for name, value in flat.items() if name.startswith(f"{moods}.")}
        row[moods] = {mood: value for mood, value in own.items() if value is not None} or None
    row["model"] = {"name": flat.get("model.name") or ""}
    return row


def _row(raw: Any) -> Row:
    """Return a row that can be worked with.

    Raises:
        ValueError, TypeError, AttributeError, KeyError, OverflowError: it is none.
    """
    if raw["type"] not in _TYPES or not isinstance(raw["stream"], str):
        raise ValueError
    row: Row = {name: sys.intern(raw[name]) for name in ("type", "stream")}
    row["time"] = _time(raw["time"])
    for name in _TEXTS:
        text = raw.get(name)
        row[name] = None if text is None else sys.intern(text)
    for name in _NUMBERS:
        row[name] = None if raw.get(name) is None else _number(raw[name])
    for name in _COUNTS:
        row[name] = None if raw.get(name) is None else int(_number(raw[name]))
    for moods in _MOODS:
        own = raw.get(moods)
        row[moods] = None if own is None else {sys.intern(str(mood)): _number(value) for mood, value in own.items()}
    model = raw.get("model")
    row["model"] = {"name": str(model.get("name") or "") if isinstance(model, dict) else ""}
    for name in _NEEDED.get(row["type"], ()):
        if row[name] is None:
            raise ValueError
    if row["type"] == "estimate" and row["end_s"] <= row["start_s"]:
        raise ValueError
    return {name: row[name] for name in ("type", "stream", "time", *_KEPT[row["type"]])}


def _time(value: Any) -> datetime:
    time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    if time.year not in _YEARS:
        raise ValueError
    return time


def _number(value: Any) -> float:
    number = float(value)
    if not abs(number) <= _MOST:  # true for what is not a number, too
        raise ValueError
    return number
