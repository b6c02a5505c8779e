"""4Q audio emotion dataset: 30-second clips, one quadrant of Russell's circle each, AllMusic mood tags and genres.

R. Panda, R. Malheiro, R. P. Paiva: Novel audio features for music emotion recognition,
IEEE Transactions on Affective Computing 11(4), 2020 (data set 2018). Research use only.
"""

from __future__ import annotations

from pathlib import Path

from train.datasets.song import Song, read_table, split_list


def read(music: Path) -> list[Song]:
    """Return the clips that ``4q.csv`` in the folder ``music`` lists."""
    return [
        Song(
            dataset="4q",
            id=row["id"],
            path=music / row["file"],
            split=row["split"],
            artist=row["artist"],
            quadrant=int(row["quadrant"].removeprefix("Q")) - 1,
            tags=split_list(row["moods"]),
            genres=split_list(row["genres"]),
        )
        for row in read_table(music / "4q.csv")
    ]
