"""What a run writes down as it goes: a CSV line and TensorBoard scalars at each check, and the learning curve.

log = RunLog(folder, step=0)
log.add(step=975, seconds=61.2, loss=0.53, figures={"mood PR-AUC": 0.61})
log.close()                         # draws curve.png

tensorboard --logdir runs
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from train.board import Board
from train.curve import draw_curve

FIXED = ("step", "seconds", "loss")


class RunLog:
    """The log of one run, continued where there is one.

    Args:
        folder: of the run.
        step: of the checkpoint that the run continues from; what was logged after it is dropped.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._path = folder / "log.csv"
        self._curve = folder / "curve.png"
        self._rows = [row for row in read_log(self._path) if int(row["step"]) <= step]
        self._write()
        self._board = Board(folder / "tensorboard", after=step)

    def add(self, step: int, seconds: float, loss: float, figures: Mapping[str, float]) -> None:
        """Add a check.

        Args:
            step: of the run.
            seconds: of CPU time spent on steps so far.
            loss: the mean since the last check.
            figures: on the validation songs.
        """
        row = {"step": str(step), "seconds": f"{seconds:.1f}", "loss": f"{loss:.4f}"}
        self._rows.append(row | {name: f"{value:.4f}" for name, value in figures.items()})
        self._write()
        scalars = {f"validation/{name.replace(' ', '_')}": value for name, value in figures.items()}
        self._board.add(step, {"loss/training": loss, **scalars})

    def last(self) -> dict[str, float]:
        """Return the figures of the last check; none before the first."""
        row = self._rows[-1] if self._rows else {}
        return {name: float(value) for name, value in row.items() if name not in FIXED and value}

    def close(self) -> None:
        """End the log and draw the learning curve."""
        if self._rows:
            draw_curve(self._rows, self._curve, f"{self._curve.parent.parent.name}, {self._curve.parent.name}")

    def _write(self) -> None:
        names = list(dict.fromkeys([*FIXED, *(name for row in self._rows for name in row)]))
        part = self._path.with_suffix(".part")
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self._rows)
        part.replace(self._path)


def read_log(path: Path) -> list[dict[str, str]]:
    """Return the checks that a log holds, in order; none if there is no log."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
