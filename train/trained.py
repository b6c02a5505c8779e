"""The files of a run: written so that a kill leaves the old file or the new one, and read without executing anything.

network, stored = load_trained(Path("runs/default/seed0"))
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from train.networks import ConfigurationError, build_network


def save(values: dict[str, Any], path: Path) -> None:
    """Write a file of tensors, numbers and names."""
    part = path.with_suffix(".part")
    torch.save(values, part)
    part.replace(path)


def read(path: Path) -> dict[str, Any]:
    """Return what ``save`` wrote, on the CPU.

    Raises:
        ConfigurationError: the file is damaged, or another program's.
    """
    try:
        stored: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, ValueError, KeyError) as error:
        raise ConfigurationError(f"{path} is damaged, or not of train.fit: {str(error).splitlines()[0]}") from None
    if not isinstance(stored, dict) or not {"labels", "description", "seed"} <= set(stored):
        raise ConfigurationError(f"{path} is not of train.fit")
    return stored


def load_trained(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Return the trained network of a run's folder, in evaluation mode, and what was stored with it.

    Raises:
        FileNotFoundError: the run has not ended.
        ConfigurationError: the file is damaged, or its weights are of another network.
    """
    path = folder / ("best.pt" if (folder / "best.pt").is_file() else "final.pt")
    if not path.is_file():
        raise FileNotFoundError(f"no trained network in {folder}: run python -m train.fit first")
    stored = read(path)
    network = build_network(stored["description"], {name: len(labels) for name, labels in stored["labels"].items()})
    try:
        network.load_state_dict(stored["weights"])
    except (RuntimeError, KeyError) as error:
        raise ConfigurationError(f"{path} holds weights of another network: {str(error).splitlines()[0]}") from None
    return network.eval(), stored
