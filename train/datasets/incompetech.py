"""Incompetech: pieces by Kevin MacLeod (incompetech.com, CC BY 4.0) with the composer's own tags of feel.

One composer, so it serves training only; variants of one piece share a ``group`` and lie in the same split.
"""

from __future__ import annotations

from pathlib import Path

from train.data import table
from train.data.manifest import Manifest, from_tags, make_entries
from train.data.song import Song, split_list

TABLE = "incompetech.csv"
_COLUMNS = ("id", "file", "artist", "title", "feel", "genre", "group", "split")


def read(music: Path) -> list[Song]:
    """Return the pieces that ``incompetech.csv`` in the folder ``music`` lists."""
    return [
        Song(
            dataset="incompetech",
            id=row["id"],
            path=music / row["file"],
            split=row["split"],
            artist=row["artist"],
            feels=split_list(row["feel"]),
            genres=(row["genre"],),
        )
        for row in table.read(music / TABLE, _COLUMNS)
    ]


def manifest(annotations: Path) -> Manifest:
    """Return the pieces with the composer's tags as labels; raises AnnotationError."""
    rows = table.read(table.the(annotations, TABLE), _COLUMNS)
    entries = make_entries(rows, "id", "file", ("artist", "title", "genre", "group"))
    return Manifest("incompetech", entries, *from_tags([split_list(row["feel"]) or None for row in rows]))
