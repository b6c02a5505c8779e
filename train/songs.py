"""The annotations that belong to a prepared cache: written by train.prepare, read by everything after it.

songs = load_songs(Path("cache"))
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from train.cache import read_journal
from train.datasets.song import Song

SONGS = "songs.json"


def save_songs(songs: list[Song], cache: Path) -> None:
    """Write the annotations of the prepared songs to ``songs.json``."""
    rows = [{**dataclasses.asdict(song), "path": str(song.path)} for song in songs]
    part = cache / "songs.part"
    part.write_text(json.dumps(rows, indent=0), encoding="utf-8")
    part.replace(cache / SONGS)


def load_songs(cache: Path) -> list[Song]:
    """Return the prepared songs; raises FileNotFoundError if the cache holds none."""
    path = cache / SONGS
    if not path.is_file():
        raise FileNotFoundError(f"no prepared data in {cache}: run python -m train.prepare first")
    return [_song(row) for row in json.loads(path.read_text(encoding="utf-8"))]


def negatives(cache: Path) -> list[Song]:
    """Return the prepared sound without music as songs of the data set ``negative``, all for training."""
    keys = [entry.key for entry in read_journal(cache / "negative")]
    return [Song("negative", key.split("/", 1)[1], Path(), "train", "") for key in keys]


def _song(row: dict[str, Any]) -> Song:
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Song(**{**values, "path": Path(values["path"])})
