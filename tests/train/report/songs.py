"""Songs, a manifest and a model for the tests of an evaluation, and how they call it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from tests import models
from tests.stream.sources import sounds
from tests.train import small_music
from train import evaluate

LABELS = models.LABELS


def make(folder: Path, count: int = 12, seconds: float = 4.0) -> Path:
    """Write model.onnx, songs and manifest.csv: exclusive labels, two songs an artist, the last third is the test."""
    models.save(folder / "model.onnx")
    (folder / "audio").mkdir()
    rows = []
    for number in range(count):
        small_music.write_wav(folder / "audio" / f"s{number}.wav", small_music.piece(number, seconds))
        rows.append(row(number, "test" if number >= count // 3 else "train"))
    write_table(folder / "manifest.csv", rows)
    return folder


def row(number: int, split: str = "test", **more: Any) -> dict[str, Any]:
    """Return a row of a manifest: song s0 is happy, s1 angry, and so on."""
    truths = {label: int(number % len(LABELS) == place) for place, label in enumerate(LABELS)}
    head = {"id": f"s{number}", "path": f"s{number}.wav", "artist": f"artist {number // 2}", "split": split}
    return head | truths | more


def write_table(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def arguments(folder: Path, *more: str | Path, report: str = "report") -> list[str]:
    """Return a call that judges model.onnx; an argument given again replaces ours."""
    given = ["--model", folder / "model.onnx", "--manifest", folder / "manifest.csv", "--audio", folder / "audio"]
    return [*map(str, given), "--report", str(folder / report), "--bootstrap", "20", *map(str, more)]


def run(folder: Path, *more: str | Path, report: str = "report") -> int:
    """Evaluate, and return the exit status."""
    return evaluate.main(arguments(folder, *more, report=report))


def figures(folder: Path, report: str = "report") -> dict[str, Any]:
    """Return what figures.json says."""
    document = json.loads((folder / report / "figures.json").read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def scores(folder: Path, report: str = "report") -> dict[str, list[float]]:
    """Return every song's scores."""
    lines = (folder / report / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    return {entry["id"]: entry["scores"] for entry in map(json.loads, lines)}


def write_sound(path: Path, seconds: float, channels: int = 2) -> None:
    """Write sound that changes all the time, in the format of the file's suffix."""
    codec, rate = sounds.CODECS[f"a{path.suffix}"]
    sounds.write(path, sounds.music(seconds, rate, channels, seed=len(path.name)), rate, codec)
