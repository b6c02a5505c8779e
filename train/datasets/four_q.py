"""4Q audio emotion dataset: 30-second clips, one quadrant of Russell's circle each, AllMusic mood tags and genres.

R. Panda, R. Malheiro, R. P. Paiva: Novel audio features for music emotion recognition,
IEEE Transactions on Affective Computing 11(4), 2020 (data set 2018). Research use only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from train.data import table
from train.data.manifest import Manifest, make_entries
from train.data.song import QUADRANTS, Song, split_list

TABLE = "4q.csv"
_COLUMNS = ("id", "file", "artist", "quadrant", "moods", "genres", "split")


def read(music: Path) -> list[Song]:
    """Return the clips that ``4q.csv`` in the folder ``music`` lists."""
    return [
        Song(
            dataset="4q",
            id=row["id"],
            path=music / row["file"],
            split=row["split"],
            artist=row["artist"],
            quadrant=_quadrant(row),
            tags=split_list(row["moods"]),
            genres=split_list(row["genres"]),
        )
        for row in table.read(music / TABLE, _COLUMNS)
    ]


def manifest(annotations: Path) -> Manifest:
    """Return the clips with their quadrants, of which each has one, as labels; raises AnnotationError."""
    rows = table.read(table.the(annotations, TABLE), _COLUMNS)
    entries = make_entries(rows, "id", "file", ("artist",))
    return Manifest("4q", entries, QUADRANTS, np.eye(4, dtype=np.float32)[[_quadrant(row) for row in rows]])


def _quadrant(row: table.Row) -> int:
    if row["quadrant"] not in {"Q1", "Q2", "Q3", "Q4"}:
        raise row.error(f"quadrant is {row['quadrant']!r}: there are Q1, Q2, Q3, Q4")
    return int(row["quadrant"][1]) - 1
