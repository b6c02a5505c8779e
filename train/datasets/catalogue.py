"""The data sets by name: a music folder's four together as songs, or any one as a manifest.

songs = read_songs(Path("music"))
manifest = read_manifest("mtg-jamendo", Path("mtg-jamendo-dataset/data"))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from train.data import manifest
from train.data.song import Song
from train.data.table import AnnotationError
from train.datasets import emotify, four_q, incompetech, magnatagatune, mtg_jamendo, musifeast17

READERS = {
    "4q": four_q.read,
    "emotify": emotify.read,
    "musifeast17": musifeast17.read,
    "incompetech": incompetech.read,
}

MANIFESTS: dict[str, Callable[[Path], manifest.Manifest]] = {
    "mtg-jamendo": mtg_jamendo.read,
    "magnatagatune": magnatagatune.read,
    "4q": four_q.manifest,
    "emotify": emotify.manifest,
    "musifeast17": musifeast17.manifest,
    "incompetech": incompetech.manifest,
    "csv": manifest.read,
}


def read_songs(music: Path) -> list[Song]:
    """Return the songs of every data set whose table lies in ``music``.

    Raises:
        FileNotFoundError: if the folder holds none of the tables.
        AnnotationError: if a table cannot be used.
    """
    songs = [song for name, read in READERS.items() if (music / f"{name}.csv").is_file() for song in read(music)]
    if not songs:
        names = ", ".join(f"{name}.csv" for name in READERS)
        raise FileNotFoundError(f"{music} holds none of the tables {names}")
    twice = [key for key, count in Counter(song.key for song in songs).items() if count > 1]
    if twice:
        raise AnnotationError(f"{music} lists the song {twice[0]} more than once")
    return songs


def read_manifest(dataset: str, annotations: Path) -> manifest.Manifest:
    """Return the manifest of one data set.

    Args:
        dataset: one of MANIFESTS.
        annotations: its table or the folder of its tables; for ``csv`` the user's own table.

    Raises:
        AnnotationError: in one line, for anything in the annotations that cannot be used.
    """
    return MANIFESTS[dataset](annotations)
