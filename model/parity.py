"""Do two networks answer the same? For a torch network and its export, and for a float file and its int8 version.

    greatest_difference(predict, Path("model.onnx"), batches)          # 3e-7
    agreement = compare(first.predict, second.predict, batches)        # greatest, mean, leading, windows

``batches`` are real windows, each batch of shape (n, patch, n_mels): random ones do not reach what training fitted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.contract import load

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From windows (n, patch, n_mels) to probabilities (n, labels)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Agreement:
    """How near two networks are on the same windows.

    Attributes:
        windows: compared.
        greatest: difference of two probabilities.
        mean: difference of two probabilities, absolute.
        leading: share of windows with the same highest label, 0…1.
    """

    windows: int
    greatest: float
    mean: float
    leading: float


def compare(first: Predict, second: Predict, batches: Iterable[NDArray[np.float32]]) -> Agreement:
    """Return how near two networks are; one batch is held at a time.

    Args:
        first: one network.
        second: the other, with the same labels.
        batches: windows, each batch of shape (n, patch, n_mels).

    Raises:
        ValueError: there are no windows.
    """
    windows = same = numbers = 0
    greatest = total = 0.0
    for batch in batches:
        if not len(batch):
            continue
        ours, theirs = first(batch), second(batch)
        differences = np.abs(ours - theirs)
        # Not max(): a difference that is not a number must show.
        greatest = float(np.maximum(greatest, differences.max()))
        total += float(differences.sum(dtype=np.float64))
        same += int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum())
        windows += len(batch)
        numbers += differences.size
    if not windows:
        raise ValueError("there are no windows to compare two networks on")
    return Agreement(windows, greatest, total / numbers, same / windows)


def greatest_difference(predict: Predict, onnx_path: Path, batches: Iterable[NDArray[np.float32]]) -> float:
    """Return the greatest difference between a probability of a network and one of its ONNX file.

    Args:
        predict: the network.
        onnx_path: its file, which must keep the contract.
        batches: windows, each batch of shape (n, patch, n_mels).

    Raises:
        model.contract.ModelError: the file does not keep the contract.
        ValueError: there are no windows.
    """
    return compare(predict, load(onnx_path).predict, batches).greatest
