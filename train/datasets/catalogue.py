"""All songs of a music folder: the four data sets together.

songs = read_songs(Path("music"))
"""

from __future__ import annotations

from pathlib import Path

from train.datasets import emotify, four_q, incompetech, musifeast17
from train.datasets.song import Song

READERS = {
    "4q": four_q.read,
    "emotify": emotify.read,
    "musifeast17": musifeast17.read,
    "incompetech": incompetech.read,
}


def read_songs(music: Path) -> list[Song]:
    """Return the songs of every data set whose table lies in ``music``.

    Raises:
        FileNotFoundError: if the folder holds none of the tables.
    """
    songs = [song for name, read in READERS.items() if (music / f"{name}.csv").is_file() for song in read(music)]
    if not songs:
        names = ", ".join(f"{name}.csv" for name in READERS)
        raise FileNotFoundError(f"{music} holds none of the tables {names}")
    return songs
