"""A tiny labelled music folder made by the tests: tones of different height and pace, a few seconds each."""

from __future__ import annotations

import csv
import wave
from pathlib import Path

import numpy as np

RATE = 16000
SECONDS = 4.0


def write_wav(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def piece(number: int, seconds: float = SECONDS) -> np.ndarray:
    """A keyed chord with a little noise; its height and pace follow from its number."""
    rng = np.random.default_rng(number)
    time = np.arange(int(seconds * RATE)) / RATE
    root, pace = 110 * 2 ** (number % 4), 1 + number // 4 % 3
    chord = sum(np.sin(2 * np.pi * root * ratio * time) for ratio in (1, 1.25, 1.5))
    return 0.2 * chord * (0.5 + 0.5 * np.sign(np.sin(2 * np.pi * pace * time))) + 0.01 * rng.standard_normal(time.size)


def make(folder: Path) -> Path:
    """Write four tables and 30 pieces; every data set has both splits."""
    emotions = ["amazement", "solemnity", "tenderness", "nostalgia", "calmness", "power", "joyful_activation"]
    emotions += ["tension", "sadness"]
    tables = {
        "4q": [
            {"artist": f"a{i // 2}", "quadrant": f"Q{i % 4 + 1}", "moods": "bright; loud", "genres": "Jazz"}
            for i in range(12)
        ],
        "emotify": [
            {"artist": f"b{i}", "album": "x", "year": str(1990 + 3 * i), "genre": "rock", "annotators": "10"}
            | {name: str(0.6 if (i + k) % 3 == 0 else 0.1) for k, name in enumerate(emotions)}
            for i in range(8)
        ],
        "musifeast17": [
            {"artist": f"c{i}", "title": "t", "genre": "Pop", "vocalisation": "no", "valence": str(2 + i / 3)}
            | {"valence_sd": "1", "arousal": str(4 - i % 3), "arousal_sd": "1"}
            for i in range(6)
        ],
        "incompetech": [
            {"artist": "d", "title": "t", "feel": "Bright; Humorous", "genre": "Film", "group": f"g{i}", "license": "x"}
            for i in range(4)
        ],
    }
    number = 0
    for dataset, rows in tables.items():
        (folder / dataset).mkdir(parents=True)
        for i, row in enumerate(rows):
            row |= {"id": f"s{i}", "file": f"{dataset}/s{i}.wav", "split": "validation" if i % 3 == 2 else "train"}
            write_wav(folder / row["file"], piece(number))
            number += 1
        with (folder / f"{dataset}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder
