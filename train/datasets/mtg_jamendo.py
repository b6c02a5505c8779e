"""MTG-Jamendo's mood and theme annotations: 18,486 tracks of 1,533 artists, 59 tags.

    manifest = read(Path("mtg-jamendo-dataset/data"))          # or the file autotagging_moodtheme.tsv
    manifest.select(manifest.top(3))                           # the 4,346 songs of Kumar & Dahiya's first row

D. Bogdanov, M. Won, P. Tovstogan, A. Porter, X. Serra: The MTG-Jamendo dataset for automatic music tagging, ICML
workshop 2019; https://github.com/MTG/mtg-jamendo-dataset (metadata CC BY-NC-SA 4.0).

Which songs the papers use, checked on the published files:

- Kumar & Dahiya 2021, table 1: the k tags with the most tracks in the whole of ``autotagging_moodtheme.tsv`` (every
  split together, the three tags included that the splits leave out), and each track with at least one of them. That
  gives their 4,346, 10,041 and 17,946 songs for k = 3, 9 and 50; no tie falls on these borders.
- MediaEval's Emotions and Themes in Music: the 56 tags in ``moodtheme_split.txt`` (without ambiental, horror and
  mellow, which the authors left out so that every part of every split has the same tags) and the split 0: 9,949 tracks
  for training, 3,802 for validation, 4,231 for the test, no artist in two of them.
  ``--tags mtg-jamendo-dataset/data/tags/moodtheme_split.txt --split given``.

Where the validation part of the split is not at hand it is made from the other two: the tracks with one of the
split's tags that neither of these holds.
"""

from __future__ import annotations

from pathlib import Path

from train.data import table
from train.data.manifest import Entry, Manifest, from_tags
from train.data.table import AnnotationError, Row

TABLE = "autotagging_moodtheme.tsv"
PREFIX = "mood/theme---"
_COLUMNS = ("TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS")
_SPLIT_FILES = ("split-0-{}.tsv", "splits/split-0/autotagging_moodtheme-{}.tsv", "autotagging_moodtheme-{}.tsv")


def read(annotations: Path) -> Manifest:
    """Return all tracks with all tags, and the official split 0 if its files are in the same folder.

    Args:
        annotations: the table, or a folder that holds it: a copy of the data set's repository, or its ``data``.

    Raises:
        AnnotationError: in one line, for anything in the files that cannot be used.
    """
    path = table.the(annotations, TABLE, f"data/{TABLE}")
    rows = _rows(path)
    tags = [_tags(row) for row in rows]
    splits = _splits(path.parent, rows, tags) if path.name == TABLE else {}
    entries = tuple(
        Entry(
            id=row.required("TRACK_ID"),
            path=Path(row.required("PATH")),
            metadata={name: row[column] for name, column in _METADATA.items() if row[column]},
            split=splits.get(row["TRACK_ID"]),
        )
        for row in rows
    )
    return Manifest("mtg-jamendo", entries, *from_tags(tags))


_METADATA = {"artist": "ARTIST_ID", "album": "ALBUM_ID"}


def _rows(path: Path) -> list[Row]:
    rows = table.read(path, _COLUMNS, delimiter="\t", trailing=True)
    if list(rows[0].values)[-1] != "TAGS":
        raise AnnotationError(f"{path}: TAGS must be the last column, for it goes on over further tabs")
    table.unique(rows, "TRACK_ID")
    return rows


def _tags(row: Row) -> list[str]:
    tags = [tag for tag in (row["TAGS"], *row.rest) if tag]
    foreign = [tag for tag in tags if not tag.startswith(PREFIX)]
    if foreign:
        raise row.error(f"the tag {foreign[0]!r} is no mood or theme: {TABLE} is needed")
    if not tags:
        raise row.error("there are no tags")
    return [tag.removeprefix(PREFIX) for tag in tags]


def _splits(folder: Path, rows: list[Row], tags: list[list[str]]) -> dict[str, str]:
    """Return the official split of each track that has one; none if the files are not there."""
    found = {name: table.find(folder, *(file.format(name) for file in _SPLIT_FILES)) for name in _FILES}
    known = {row["TRACK_ID"] for row in rows}
    splits: dict[str, str] = {}
    used: set[str] = set()
    for name, path in found.items():
        for row in _rows(path) if path else ():
            if row["TRACK_ID"] not in known:
                raise row.error(f"{row['TRACK_ID']} is not in {TABLE}")
            if row["TRACK_ID"] in splits:
                raise row.error(f"{row['TRACK_ID']} is in the split {splits[row['TRACK_ID']]}, too")
            splits[row["TRACK_ID"]] = name
            used.update(_tags(row))
    if found["train"] and found["test"] and not found["validation"]:
        rest = [row["TRACK_ID"] for row, own in zip(rows, tags, strict=True) if used.intersection(own)]
        splits = dict.fromkeys(rest, "validation") | splits
    return splits


_FILES = ("train", "validation", "test")
