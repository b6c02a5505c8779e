"""The files of a run: written so that a kill leaves the old file or the new one, and read without executing anything.

network, stored = load_trained(Path("runs/default/seed0"))
"""

from __future__ import annotations

import io
import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from train.networks import ConfigurationError, build_network

ZIP = b"PK\3\4"
"""What a file of ``torch.save`` begins with; older ones are pickles and not looked into."""


def save(values: dict[str, Any], path: Path) -> None:
    """Write a file of tensors, numbers and names; raises OSError, and then leaves no half of it."""
    part = path.with_suffix(".part")
    buffer = io.BytesIO()  # torch's own way to a file makes a RuntimeError of a full disk
    torch.save(values, buffer)
    try:
        part.write_bytes(buffer.getbuffer())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


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
