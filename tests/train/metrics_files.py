"""Files for ``train.metrics``, and how the tests call it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.train.figures.matrices import example
from train import metrics


def make(folder: Path) -> Path:
    """Write truth.npy, scores.npy, decisions.npy of 200 songs and 6 labels; labels.txt, artists.txt."""
    scores, truth = example()
    np.save(folder / "truth.npy", truth.astype(np.uint8))
    np.save(folder / "scores.npy", scores)
    np.save(folder / "decisions.npy", scores > 0.6)
    (folder / "labels.txt").write_text("".join(f"mood/theme---{name}\n" for name in "abcdef"))
    (folder / "artists.txt").write_text("".join(f"artist {song // 5}\n" for song in range(200)))
    return folder


def run(folder: Path, *arguments: str | Path) -> int:
    """Judge the folder's scores; an argument given again replaces ours."""
    return metrics.main(["--truth", f"{folder}/truth.npy", "--scores", f"{folder}/scores.npy", *map(str, arguments)])
