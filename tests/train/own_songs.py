"""A user's own table with a few short songs, made by the tests, and the smallest networks that can learn from it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from tests.train import small_music
from train import prepare

COUNT = 12
TINY = ("network.channels=[2,2,2,2,2]", "groups=[{songs: 4}]", "epochs=2", "batches_per_song=0.5")
"""Changes that make Kumar and Dahiya's presets a matter of a second."""


def row(number: int, **more: Any) -> dict[str, Any]:
    """Return a song's row: two songs an artist, one in four for validation, one in four for the test."""
    split = ("train", "train", "validation", "test")[number % 4]
    known = {
        "artist": f"artist {number // 4 * 2 + number % 2}",
        "year": 1984 + 3 * number,
        "language": ["de", "en"][number // 2 % 2],
    }
    labels = {"happy": int(number % 8 in {0, 3, 5, 6}), "sad": int(number // 4 % 2), "valence[1..5]": 1 + number % 5}
    return {"path": f"s{number}.wav", "split": split, **known, **labels, **more}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def make(folder: Path, count: int = COUNT, seconds: float = 4.0) -> Path:
    """Write songs.csv and the songs beside it; return the table."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        small_music.write_wav(folder / f"s{number}.wav", small_music.piece(number, seconds + number / 10))
    return write(folder / "songs.csv", [row(number) for number in range(count)])


def prepared(table: Path, cache: Path, *more: str) -> int:
    """Compute the features; return the exit status."""
    call = ["--dataset", "csv", "--annotations", str(table), "--cache", str(cache), "--jobs", "1", *more]
    return prepare.main(call)


def changes(*more: str) -> list[str]:
    """Return ``--set`` options for a tiny network."""
    return [part for change in (*TINY, *more) for part in ("--set", change)]
