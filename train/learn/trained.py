"""The files of a run: written so that a kill leaves the old file or the new one, and read without executing anything.

network, stored = load_trained(Path("runs/default/seed0"))
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import pickle
import socket
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter
from torch import nn

from model.files import replaced
from train.learn.networks import ConfigurationError, build_network

VERSION = "brain.Event:2"
"""That of the file's form, as its first record says."""


class Board:
    """Scalars by step, in a file of its own for each part of a run that was interrupted.

    Args:
        folder: of the files.
        after: the step that a run continues from: what older files say of later steps is dropped by TensorBoard.
    """

    def __init__(self, folder: Path, after: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads a folder's files in the order of their names.
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self._path = folder / name
        self._write(Event(file_version=VERSION))
        self._write(Event(step=after + 1, session_log=SessionLog(status=SessionLog.START)))

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Write values by name; raises OSError."""
        values = [Summary.Value(tag=name, simple_value=value) for name, value in scalars.items()]
        self._write(Event(step=step, summary=Summary(value=values)))

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        with self._path.open("ab") as file:
            RecordWriter(file).write(event.SerializeToString())


COLOURS = ("#1d4ed8", "#d97706", "#059669", "#be185d", "#7c3aed", "#0e7490", "#65a30d", "#9a3412")
GREY = "#475569"
FIXED = ("step", "seconds", "loss")


def draw_curve(checks: Sequence[Mapping[str, str]], path: Path, title: str = "") -> None:
    """Draw the checks of a run into a PNG: the loss above, each figure below with its best check marked.

    Args:
        checks: rows of a run's log.
        path: of the picture.
        title: above it.
    """
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    above.set_title(title, loc="left", fontsize="medium", color=GREY)
    steps = [int(check["step"]) for check in checks]
    _line(above, steps, [float(check["loss"]) for check in checks], GREY, "training loss")
    names = [name for name in dict.fromkeys(name for check in checks for name in check) if name not in FIXED]
    for number, name in enumerate(names):
        values = [float(check.get(name) or "nan") for check in checks]
        known = [value for value in values if not math.isnan(value)]
        colour = COLOURS[number % len(COLOURS)]
        label = f"{name}, best {max(known):.3f}" if known else f"{name}: nothing to judge by"
        _line(below, steps, values, colour, label)
        if known:
            best = values.index(max(known))
            below.plot(steps[best], values[best], "o", markersize=8, markerfacecolor="white", markeredgecolor=colour)
    above.set_ylabel("training loss")
    below.set_ylabel("validation")
    below.set_xlabel("step")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    if names:
        below.legend(fontsize="small", ncols=2, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    for axes in (above, below):
        axes.margins(y=0.15)
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.tick_params(colors=GREY, length=0)
        axes.grid(axis="y", color="#e2e8f0")
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color("#cbd5e1")
    figure.savefig(path, dpi=120)


def _line(axes: Axes, steps: Sequence[int], values: Sequence[float], colour: str, label: str) -> None:
    # One check is a point, not a line of no length.
    marker = "o" if len(steps) < 40 else ""
    axes.plot(steps, values, color=colour, linewidth=1.6, marker=marker, markersize=3.5, label=label)


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
        with replaced(self._path) as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self._rows)


def read_log(path: Path) -> list[dict[str, str]]:
    """Return the checks that a log holds, in order; none if there is no log."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


ZIP = b"PK\3\4"
"""What a file of ``torch.save`` begins with; older ones are pickles and not looked into."""


def save(values: dict[str, Any], path: Path) -> None:
    """Write a file of tensors, numbers and names; raises OSError, and then leaves no half of it."""
    buffer = io.BytesIO()  # torch's own way to a file makes a RuntimeError of a full disk
    torch.save(values, buffer)
    with replaced(path) as part:
        part.write_bytes(buffer.getbuffer())


def read(path: Path) -> dict[str, Any]:
    """Return what ``save`` wrote, on the CPU.

    Raises:
        ConfigurationError: the file is damaged, or another program's.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    try:
        if not content.startswith(ZIP):
            raise ValueError("no archive of tensors")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that torch did not write, which are refused anyway
            stored: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, ValueError, LookupError, TypeError) as error:
        raise ConfigurationError(f"{path} is damaged, or not of train.fit: {_first_line(error)}") from None
    if not isinstance(stored, dict) or not {"labels", "description", "seed"} <= set(stored):
        raise ConfigurationError(f"{path} is not of train.fit")
    return stored


def trained_file(folder: Path) -> Path:
    """Return where a run's trained network lies: that of its best check where it stops early, else the last."""
    return folder / ("best.pt" if (folder / "best.pt").is_file() else "final.pt")


def steps_done(folder: Path) -> tuple[int, int] | None:
    """Return how many steps a run has done, and of how many, if it may still go on; None if it has ended.

    Raises:
        ConfigurationError: its checkpoint is damaged.
    """
    path = folder / "checkpoint.pt"
    if not path.is_file():
        return None
    stored = read(path)
    settings, progress = json.loads(stored.get("settings", "{}")), stored["progress"]
    steps, patience = settings.get("steps", progress["step"]), settings.get("patience")
    if progress["step"] >= steps or (patience is not None and progress["stale"] >= patience):
        return None
    return progress["step"], steps


def load_trained(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Return the trained network of a run's folder, in evaluation mode, and what was stored with it.

    Raises:
        FileNotFoundError: the run has not ended.
        ConfigurationError: the file is damaged, or its weights are of another network.
    """
    path = trained_file(folder)
    if not path.is_file():
        raise FileNotFoundError(f"no trained network in {folder}: run python -m train.fit first")
    stored = read(path)
    network = build_network(stored["description"], {name: len(labels) for name, labels in stored["labels"].items()})
    try:
        network.load_state_dict(stored["weights"])
    except (RuntimeError, KeyError) as error:
        raise ConfigurationError(f"{path} holds weights of another network: {_first_line(error)}") from None
    return network.eval(), stored


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
