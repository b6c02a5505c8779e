"""The tables that data sets come as, read strictly: what is wrong is said in one line that names the file and the row.

for row in read(path, ("id", "file", "artist")):
    row["artist"], row.number
"""

from __future__ import annotations

import csv
import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

SUFFIX = ".parquet"


class ParquetError(ValueError):
    """A Parquet file that cannot be used; the message is one line."""


def read_parquet(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the names of a file's columns, and its rows.

    Raises:
        ParquetError: there is no such file, it is damaged, or a column holds something else than values and lists.
    """
    pyarrow, parquet = _pyarrow(path)
    try:
        table = parquet.read_table(path, partitioning=None) if path.is_file() else None
    except (OSError, pyarrow.ArrowException) as error:
        raise ParquetError(f"{path} is no Parquet file: {' '.join(str(error).split())}") from None
    if table is None:
        kind = f"{path} is a folder: a table is needed" if path.is_dir() else f"no such annotation file: {path}"
        raise ParquetError(kind)
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        values = column.to_pylist()
        wrong = next((value for value in values if not _understood(value)), None)
        if wrong is not None:
            raise ParquetError(f"{path}: the column {field.name!r} is of type {field.type}: no text, number or list")
        columns.append([_text(value) for value in values])
    return list(table.column_names), [list(row) for row in zip(*columns, strict=True)]


def write_parquet(columns: Mapping[str, Sequence[str | float | None]], path: Path) -> None:
    """Write columns as a file; NaN becomes null, numbers are kept as float32.

    Raises:
        ParquetError: pyarrow is not installed.
        OSError: the file cannot be written.
    """
    pyarrow, parquet = _pyarrow(path)
    arrays = []
    for values in columns.values():
        numbers = any(isinstance(value, float) for value in values)
        kept = [None if isinstance(value, float) and math.isnan(value) else value for value in values]
        arrays.append(pyarrow.array(kept, pyarrow.float32() if numbers else pyarrow.string()))
    with path.open("wb") as file:
        parquet.write_table(pyarrow.table(arrays, names=list(columns)), file)


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ParquetError(f"{path}: Parquet files need pyarrow: pip install 'moodstream[train]'") from None
    return pyarrow, parquet


def _understood(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(part, str) for part in value)
    return value is None or isinstance(value, str | int | float)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(int(value))
        case float():
            return "" if math.isnan(value) else repr(value)
        case list():
            return "; ".join(value)
    return str(value)


_SIGNATURES = {
    "mtg-jamendo": {"TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS"},
    "magnatagatune": {"clip_id", "mp3_path"},
    "4q": {"quadrant", "moods"},
    "emotify": {"joyful_activation", "tenderness"},
    "musifeast17": {"valence", "valence_sd", "arousal", "arousal_sd"},
    "incompetech": {"feel", "group"},
}
"""Columns by which a data set's table is known."""


class AnnotationError(ValueError):
    """Annotations cannot be used; the message is one line that says what is wrong and where."""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        path: the table.
        number: its line in the file, from 1 (the header's); in a Parquet file the row, from 1.
        values: what stands in each column, without surrounding space.
        rest: the fields beyond the header; only where the table was read with ``trailing``.
    """

    path: Path
    number: int
    values: dict[str, str]
    rest: tuple[str, ...] = ()

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def required(self, column: str) -> str:
        """Return a field that must not be empty; raises AnnotationError."""
        if not self.values[column]:
            raise self.error(f"{column} is empty")
        return self.values[column]

    @property
    def place(self) -> str:
        """Where it stands in the file: ``line 3`` of text, ``row 2`` of Parquet."""
        return f"{'row' if self.path.suffix == SUFFIX else 'line'} {self.number}"

    def error(self, message: str) -> AnnotationError:
        """Return an error that names this row."""
        return AnnotationError(f"{self.path}, {self.place}: {message}")


def read(path: Path, columns: Iterable[str], delimiter: str = ",", trailing: bool = False) -> list[Row]:
    """Return the rows of a table, whatever the order of its columns.

    Args:
        path: UTF-8 text with a header, or a Parquet file.
        columns: names that the header must hold.
        delimiter: between two fields. A table with tabs and trailing fields has no quotes.
        trailing: the last column goes on for any number of fields (MTG-Jamendo's tags).

    Raises:
        AnnotationError: for a missing file, header or column, a row that is too short or too long, no rows at all.
    """
    if path.suffix == SUFFIX:
        return _from_parquet(path, tuple(columns))
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            quoting: Literal[0, 3] = csv.QUOTE_NONE if trailing else csv.QUOTE_MINIMAL
            reader = csv.reader(file, delimiter=delimiter, quoting=quoting)
            header = [name.strip() for name in next(reader, [])]
            _check_header(path, header, tuple(columns))
            rows = [_row(path, reader.line_num, header, fields, trailing) for fields in reader if fields]
    except FileNotFoundError:
        raise AnnotationError(f"no such annotation file: {path}") from None
    except IsADirectoryError:
        raise AnnotationError(f"{path} is a folder: a table is needed") from None
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path} is no UTF-8 text ({error.reason} at byte {error.start})") from None
    except csv.Error as error:
        raise AnnotationError(f"{path} is no table: {error}") from None
    if not rows:
        raise AnnotationError(f"{path} holds no songs, only a header")
    return rows


def find(annotations: Path, *names: str) -> Path | None:
    """Return the table of one of these names (patterns) in a folder, or ``annotations`` itself if it is a file.

    Raises:
        AnnotationError: if there is no such file or folder.
    """
    if not annotations.exists():
        raise AnnotationError(f"no such annotation file or folder: {annotations}")
    if not annotations.is_dir():
        return annotations
    return next((path for name in names for path in sorted(annotations.glob(name))), None)


def the(annotations: Path, *names: str) -> Path:
    """Return what ``find`` finds; raises AnnotationError if a folder holds none of the tables."""
    path = find(annotations, *names)
    if path is None:
        raise AnnotationError(f"{annotations} holds no {' or '.join(names)}")
    return path


def unique(rows: Sequence[Row], column: str) -> None:
    """Check that no two rows share a value; raises AnnotationError with the first value that two of them have."""
    seen: dict[str, str] = {}
    for row in rows:
        if row[column] in seen:
            raise row.error(f"{column} {row[column]} is in {seen[row[column]]}, too")
        seen[row[column]] = row.place


def number(row: Row, column: str, low: float, high: float) -> float | None:
    """Return a field as a number, None where it is empty; raises AnnotationError outside ``low``…``high``."""
    text = row[column]
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise row.error(f"{column} is {text!r}, which is no number") from None
    if not low <= value <= high:
        raise row.error(f"{column} is {text}, which is outside {low:g}…{high:g}")
    return value


def recognise(header: Sequence[str]) -> str | None:
    """Return the data set whose table has this header, even if read with the wrong delimiter; None if none has."""
    names = {name.strip('"') for name in re.split("[\t,]", ",".join(header))}
    return next((dataset for dataset, known in _SIGNATURES.items() if known <= names), None)


def _check_header(path: Path, header: list[str], columns: tuple[str, ...]) -> None:
    if not any(header):
        raise AnnotationError(f"{path} has no header in its first line")
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise AnnotationError(f"{path} has the column {twice[0]!r} more than once")
    missing = [name for name in columns if name not in header]
    if missing:
        other = recognise(header)
        if other and len(missing) > len(columns) / 2:
            raise AnnotationError(f"{path} is the table of another data set: --dataset {other}")
        raise AnnotationError(f"{path} lacks {listed('column', missing)}; it has {listed('column', header)}")


def listed(noun: str, names: Sequence[str]) -> str:
    """Return ``the columns a, b, c`` for a message, shortened if there are many."""
    shown = ", ".join(name[:30] or "(no name)" for name in names[:8])
    return f"the {noun}{'s' * (len(names) > 1)} {shown}{', …' * (len(names) > 8)}" if names else f"no {noun}"


def _from_parquet(path: Path, columns: tuple[str, ...]) -> list[Row]:
    try:
        header, table = read_parquet(path)
    except ParquetError as error:
        raise AnnotationError(str(error)) from None
    header = [name.strip() for name in header]
    _check_header(path, header, columns)
    if not table:
        raise AnnotationError(f"{path} holds no songs, only a header")
    return [_row(path, number, header, fields, trailing=False) for number, fields in enumerate(table, start=1)]


def _row(path: Path, line: int, header: list[str], fields: list[str], trailing: bool) -> Row:
    if len(fields) < len(header) or (len(fields) > len(header) and not trailing):
        raise AnnotationError(f"{path}, line {line}: {len(fields)} fields, but the header has {len(header)}")
    if any("\0" in field for field in fields):
        raise Row(path, line, {}).error("there is a zero byte, which is no text")
    fields = [field.strip() for field in fields]
    return Row(path, line, dict(zip(header, fields, strict=False)), tuple(fields[len(header) :]))
