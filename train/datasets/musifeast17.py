"""MUSIFEAST-17: 30-second clips of 17 genres with mean valence and arousal (1 to 5) of 701 listeners.

van der Walle et al. 2025. Ratings CC0, commercial audio for research use only.
"""

from __future__ import annotations

from pathlib import Path

from train.datasets.song import Song, read_table


def read(music: Path) -> list[Song]:
    """Return the clips that ``musifeast17.csv`` in the folder ``music`` lists."""
    return [
        Song(
            dataset="musifeast17",
            id=row["id"],
            path=music / row["file"],
            split=row["split"],
            artist=row["artist"],
            ratings=(float(row["valence"]), float(row["arousal"])),
            genres=(row["genre"],),
        )
        for row in read_table(music / "musifeast17.csv")
    ]
