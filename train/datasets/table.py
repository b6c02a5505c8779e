"""The tables that data sets come as, read strictly: what is wrong is said in one line that names the file and the row.

for row in read(path, ("id", "file", "artist")):
    row["artist"], row.number
"""

from __future__ import annotations

import csv
import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from train.datasets import parquet

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
        return f"{'row' if self.path.suffix == parquet.SUFFIX else 'line'} {self.number}"

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
    if path.suffix == parquet.SUFFIX:
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
        header, table = parquet.read(path)
    except parquet.ParquetError as error:
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
