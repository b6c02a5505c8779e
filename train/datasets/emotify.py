"""Emotify: 60-second excerpts of songs, the share of listeners who felt each of nine emotions of the GEMS scale.

A. Aljanaki, F. Wiering, R. C. Veltkamp: Studying emotion induced by music through a crowdsourcing game,
Information Processing & Management 52(1), 2016. The audio is Magnatune's, CC BY-NC-SA.
The ninth emotion, amazement, is too rare to learn.
"""

from __future__ import annotations

from pathlib import Path

from train.datasets.song import EMOTIONS, Song, read_table

_COLUMNS = {
    "happy": "joyful_activation",
    "tense": "tension",
    "sad": "sadness",
    "calm": "calmness",
    "tender": "tenderness",
    "nostalgic": "nostalgia",
    "solemn": "solemnity",
    "powerful": "power",
}


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
            emotions=tuple(float(row[_COLUMNS[name]]) for name in EMOTIONS),
            genres=(row["genre"],),
        )
        for row in read_table(music / "emotify.csv")
    ]
