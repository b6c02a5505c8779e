"""Incompetech: pieces by Kevin MacLeod (incompetech.com, CC BY 4.0) with the composer's own tags of feel.

One composer, so it serves training only; variants of one piece share a ``group`` and lie in the same split.
"""

from __future__ import annotations

from pathlib import Path

from train.datasets.song import Song, read_table, split_list


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
        for row in read_table(music / "incompetech.csv")
    ]
