"""Emotify: 60-second excerpts of songs, the share of listeners who felt each of nine emotions of the GEMS scale.

A. Aljanaki, F. Wiering, R. C. Veltkamp: Studying emotion induced by music through a crowdsourcing game,
Information Processing & Management 52(1), 2016. The audio is Magnatune's, CC BY-NC-SA.
The ninth emotion, amazement, is too rare to learn.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from train.data import table
from train.data.manifest import Manifest, make_entries
from train.data.song import EMOTIONS, POSITIVE_RATE, Song

TABLE = "emotify.csv"
_EMOTIONS = {
    "happy": "joyful_activation",
    "tense": "tension",
    "sad": "sadness",
    "calm": "calmness",
    "tender": "tenderness",
    "nostalgic": "nostalgia",
    "solemn": "solemnity",
    "powerful": "power",
}
_COLUMNS = ("id", "file", "artist", "album", "year", "genre", *_EMOTIONS.values(), "split")


def read(music: Path) -> list[Song]:
    """Return the songs that ``emotify.csv`` in the folder ``music`` lists."""
    return [
        Song(
            dataset="emotify",
            id=row["id"],
            path=music / row["file"],
            split=row["split"],
            artist=row["artist"],
            year=int(float(row["year"])) if row["year"] else None,
            emotions=_rates(row),
            genres=(row["genre"],),
        )
        for row in table.read(music / TABLE, _COLUMNS)
    ]


def manifest(annotations: Path) -> Manifest:
    """Return the songs with the share of listeners who felt each emotion as rates; raises AnnotationError."""
    rows = table.read(table.the(annotations, TABLE), _COLUMNS)
    entries = make_entries(rows, "id", "file", ("artist", "album", "year", "genre"))
    rates = np.array([_rates(row) for row in rows], np.float32)
    return Manifest("emotify", entries, EMOTIONS, rates, positive_rate=POSITIVE_RATE)


def _rates(row: table.Row) -> tuple[float, ...]:
    rates = [table.number(row, _EMOTIONS[name], 0, 1) for name in EMOTIONS]
    if None in rates:
        raise row.error(f"{_EMOTIONS[EMOTIONS[rates.index(None)]]} is empty")
    return tuple(rate for rate in rates if rate is not None)
