"""The manifest: songs with labels, metadata and a split, the one form that every data set is read into.

manifest = read(Path("songs.csv"))
manifest = manifest.select(("happy", "sad"))
write(manifest, Path("manifest.parquet"))

A manifest is a CSV or Parquet file with a row a song, its columns in any order (a user's own table is one, too):

- ``path`` of the audio, relative to the table (``file`` will do); ``id``, by default the path
- ``split``: train, validation or test; or no such column
- metadata, all optional, empty where unknown: artist, album, title, year, language, genre, group, and ``meta:NAME``
- ``tags``: a list with semicolons; each tag becomes a label. A song with an empty list is not annotated
- every other column is a label: 0…1, or a rating with its scale in the name, ``valence[1..5]``; empty: not annotated.
  Without labels there must be metadata, such as artist and language, which can be learnt, too

In Parquet empty is null (or NaN), and tags may be a list.
"""

from __future__ import annotations

import csv
import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.files import replaced
from train.data import table
from train.data.song import split_list
from train.data.table import AnnotationError, Row

SPLITS = ("train", "validation", "test")
METADATA = ("artist", "album", "title", "year", "language", "genre", "group")
YEARS = (1000, 2100)
"""A year outside these is a mistake."""

_COLUMNS = ("path", "file", *METADATA, "id", "split", "tags")

_RATING = re.compile(r"(?P<name>.+)\[(?P<low>-?\d+(?:\.\d+)?)\.\.(?P<high>-?\d+(?:\.\d+)?)\]")
_SCALE = re.compile(r".*\[[^]]*\.\.[^]]*\]")
"""What is meant as a rating, well written or not."""


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A song of a manifest.

    Attributes:
        id: unique in its manifest.
        path: of the audio; relative paths are relative to the data set's audio folder.
        metadata: what is known, by name; a name that is missing here is unknown and never counts as negative.
        split: one of SPLITS, None where the data set does not say.
    """

    id: str
    path: Path
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    split: str | None = None

    @property
    def artist(self) -> str | None:
        """As the data set writes it."""
        return self.metadata.get("artist")

    @property
    def year(self) -> int | None:
        """Of publication."""
        return int(self.metadata["year"]) if "year" in self.metadata else None


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """The songs of a data set.

    Attributes:
        dataset: its name.
        entries: the songs.
        labels: names of the labels.
        rates: 0…1, shape (songs, labels), float32; NaN where a song is not annotated with a label.
        ratings: the labels among these that are ratings, scaled to 0…1: they have no positives.
        positive_rate: a label counts as present from this rate on.
    """

    dataset: str
    entries: tuple[Entry, ...]
    labels: tuple[str, ...]
    rates: NDArray[np.float32]
    ratings: frozenset[str] = frozenset()
    positive_rate: float = 0.5

    def __len__(self) -> int:
        return len(self.entries)

    def positives(self) -> NDArray[np.bool_]:
        """Return which song has which label, shape (songs, labels); what is not annotated is False."""
        return np.asarray(np.nan_to_num(self.rates) >= self.positive_rate)

    def counts(self) -> dict[str, int]:
        """Return how many songs have each label."""
        return dict(zip(self.labels, map(int, self.positives().sum(axis=0)), strict=True))

    def top(self, count: int) -> tuple[str, ...]:
        """Return the labels that most songs have, the most frequent first; of equals the first in the alphabet.

        Raises:
            AnnotationError: if there are fewer labels than ``count``.
        """
        if not 1 <= count <= len(self.labels):
            raise AnnotationError(f"{self.dataset} has {len(self.labels)} labels: there are no {count} most frequent")
        counts = self.counts()
        return tuple(sorted(counts, key=lambda name: (-counts[name], name))[:count])

    def select(self, labels: Sequence[str], keep_all: bool = False) -> Manifest:
        """Return these labels and the songs that have at least one of them, or ``keep_all``.

        Raises:
            AnnotationError: for a label that the data set does not have.
        """
        unknown = [name for name in labels if name not in self.labels]
        if unknown:
            raise AnnotationError(f"{self.dataset} has no label {unknown[0]!r}")
        columns = [self.labels.index(name) for name in labels]
        chosen = dataclasses.replace(
            self, labels=tuple(labels), rates=self.rates[:, columns], ratings=self.ratings & set(labels)
        )
        return chosen if keep_all else chosen.where(np.any(chosen.positives(), axis=1))

    def where(self, keep: NDArray[np.bool_]) -> Manifest:
        """Return the songs for which ``keep``, shape (songs,), is true."""
        entries = tuple(entry for entry, kept in zip(self.entries, keep, strict=True) if kept)
        return dataclasses.replace(self, entries=entries, rates=self.rates[keep])

    def with_splits(self, splits: Sequence[str | None]) -> Manifest:
        """Return the same songs with other splits."""
        pairs = zip(self.entries, splits, strict=True)
        return dataclasses.replace(self, entries=tuple(dataclasses.replace(entry, split=new) for entry, new in pairs))


def read(path: Path, dataset: str | None = None, positive_rate: float = 0.5) -> Manifest:
    """Return the manifest that a CSV or Parquet file holds.

    Args:
        path: of the file.
        dataset: its name; None for that of the file.
        positive_rate: see Manifest.

    Raises:
        AnnotationError: in one line, for anything in the table that cannot be used.
    """
    rows = table.read(path, ())
    header = list(rows[0].values)
    place = next((name for name in ("path", "file") if name in header), None)
    if place is None:
        other = table.recognise(header)
        if other:
            raise AnnotationError(f"{path} is the table of a data set: --dataset {other}")
        raise AnnotationError(
            f"{path} lacks the column path (of the audio files); it has {table.listed('column', header)}"
        )
    named = [name for name in header if name in METADATA or name.startswith("meta:")]
    columns = [name for name in header if name not in {place, "id", "split", "tags", *named}]
    key = "id" if "id" in header else place
    entries = make_entries(rows, key, place, named)
    readers = dict(_reader(path, name) for name in columns)
    if len(readers) < len(columns):
        names = [_RATING.sub(r"\g<name>", name) for name in columns]
        raise AnnotationError(f"{path} has the label {max(names, key=names.count)!r} more than once")
    blocks = [[read_one(row) for read_one in readers.values()] for row in rows]
    rates = np.array(blocks, np.float32).reshape(len(rows), len(readers))
    ratings = frozenset(name for name, column in zip(readers, columns, strict=True) if name != column)
    labels = tuple(readers)
    if "tags" in header:
        tags, tagged = from_tags([split_list(row["tags"]) or None for row in rows])
        odd = [tag for tag in tags if tag in _COLUMNS or tag.startswith("meta:") or _SCALE.fullmatch(tag)]
        if odd:
            raise AnnotationError(f"{path}: a tag cannot be called {odd[0]!r}, which is a column of manifests")
        twice = set(tags) & set(labels)
        if twice:
            raise AnnotationError(f"{path}: {min(twice)!r} is both a column and a tag")
        labels, rates = labels + tags, np.hstack([rates, tagged])
    if not labels and not any(entry.metadata for entry in entries):
        raise AnnotationError(f"{path} has no labels (a column of rates, or one named tags) and no metadata to learn")
    return Manifest(dataset or path.stem, entries, labels, rates, ratings, positive_rate)


def write(manifest: Manifest, path: Path) -> None:
    """Write a manifest as the CSV, or Parquet file by its ending, that ``read`` takes; ratings become rates of 0…1."""
    known = [name for name in METADATA if any(name in entry.metadata for entry in manifest.entries)]
    other = sorted({name for entry in manifest.entries for name in entry.metadata} - set(METADATA))
    columns: dict[str, list[str] | list[str | None] | list[float]] = {
        "id": [entry.id for entry in manifest.entries],
        "path": [entry.path.as_posix() for entry in manifest.entries],
    }
    if any(entry.split for entry in manifest.entries):
        columns["split"] = [entry.split for entry in manifest.entries]
    for name in (*known, *other):
        column = name if name in known else f"meta:{name}"
        columns[column] = [entry.metadata.get(name) for entry in manifest.entries]
    for name, rates in zip(manifest.labels, manifest.rates.T, strict=True):
        columns[f"{name}[0..1]" if name in manifest.ratings else name] = [float(rate) for rate in rates]
    try:
        with replaced(path) as part:
            (table.write_parquet if path.suffix == table.SUFFIX else _write_csv)(columns, part)
    except table.ParquetError as error:
        raise AnnotationError(str(error)) from None


def _write_csv(columns: Mapping[str, Sequence[str | float | None]], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_field(value) for value in row] for row in zip(*columns.values(), strict=True))


def _field(value: str | float | None) -> str:
    """Return a value as text; a rate has the fewest digits that give the same float32 again."""
    if isinstance(value, float):
        return "" if math.isnan(value) else np.format_float_positional(np.float32(value), trim="-")
    return value or ""


def make_entries(rows: Sequence[Row], key: str, place: str, metadata: Sequence[str]) -> tuple[Entry, ...]:
    """Return the songs of a table.

    Args:
        rows: of the table.
        key: column of the song's id.
        place: column of the audio's path.
        metadata: columns of metadata, of which an empty field is unknown. The split is in ``split``, if anywhere.

    Raises:
        AnnotationError: for a song that is there twice, a split or a year that cannot be.
    """
    table.unique(rows, key)
    return tuple(
        Entry(
            id=row.required(key),
            path=Path(row.required(place)),
            metadata={name.removeprefix("meta:"): _metadata(row, name) for name in metadata if row[name]},
            split=_split(row) if "split" in row.values else None,
        )
        for row in rows
    )


def from_tags(lists: Sequence[Sequence[str] | None]) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Return the tags, in the order of the alphabet, and who has them: 0 or 1, NaN for a song without a list."""
    names = tuple(sorted({tag for tags in lists if tags for tag in tags}))
    position = {name: index for index, name in enumerate(names)}
    rates = np.zeros((len(lists), len(names)), np.float32)
    for row, tags in enumerate(lists):
        if tags is None:
            rates[row] = np.nan
        else:
            rates[row, [position[tag] for tag in tags]] = 1
    return names, rates


def _split(row: Row) -> str | None:
    if row["split"] and row["split"] not in SPLITS:
        raise row.error(f"split is {row['split']!r}: there are {', '.join(SPLITS)}")
    return row["split"] or None


def _metadata(row: Row, name: str) -> str:
    if name != "year":
        return row[name]
    year = table.number(row, "year", *YEARS)
    if year is None or not year.is_integer():
        raise row.error(f"year is {row['year']}, which is no whole number")
    return str(int(year))


def _reader(path: Path, column: str) -> tuple[str, Callable[[Row], float]]:
    """Return a label's name, and what reads its rate from a row (NaN where the field is empty)."""
    match = _RATING.fullmatch(column)
    if not column:
        raise AnnotationError(f"{path} has a column without a name")
    if not match and _SCALE.fullmatch(column):
        raise AnnotationError(f"{path}: the scale of {column!r} is not that of a rating, such as joy[1..5]")
    low, high = (float(match["low"]), float(match["high"])) if match else (0.0, 1.0)
    if low >= high:
        raise AnnotationError(f"{path}: the scale of {column!r} is empty")

    def rate(row: Row) -> float:
        try:
            value = table.number(row, column, low, high)
        except AnnotationError as error:
            hint = "" if match else f" (no label? Then name the column meta:{column}; a rating: {column}[1..5])"
            raise AnnotationError(f"{error}{hint}") from None
        return math.nan if value is None else (value - low) / (high - low)

    return match["name"] if match else column, rate
