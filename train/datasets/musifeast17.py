"""MUSIFEAST-17: 30-second clips of 17 genres with mean valence and arousal (1 to 5) of 701 listeners.

van der Walle et al. 2025. Ratings CC0, commercial audio for research use only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from train.data import table
from train.data.manifest import Manifest, make_entries
from train.data.song import Song

TABLE = "musifeast17.csv"
_COLUMNS = ("id", "file", "artist", "title", "genre", "valence", "arousal", "split")


def read(music: Path) -> list[Song]:
    """Return the clips that ``musifeast17.csv`` in the folder ``music`` lists."""
    return [
        Song(
            dataset="musifeast17",
            id=row["id"],
            path=music / row["file"],
            split=row["split"],
            artist=row["artist"],
            ratings=(_rating(row, "valence"), _rating(row, "arousal")),
            genres=(row["genre"],),
        )
        for row in table.read(music / TABLE, _COLUMNS)
    ]


def manifest(annotations: Path) -> Manifest:
    """Return the clips with valence and arousal, scaled from 1…5 to 0…1, as labels; raises AnnotationError."""
    rows = table.read(table.the(annotations, TABLE), _COLUMNS)
    entries = make_entries(rows, "id", "file", ("artist", "title", "genre"))
    labels = ("valence", "arousal")
    rates = np.array([[(_rating(row, name) - 1) / 4 for name in labels] for row in rows], np.float32)
    return Manifest("musifeast17", entries, labels, rates, frozenset(labels))


def _rating(row: table.Row, name: str) -> float:
    value = table.number(row, name, 1, 5)
    if value is None:
        raise row.error(f"{name} is empty")
    return value
