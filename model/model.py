"""A verified model: what it says of itself, and what it makes of windows.

model = load(path)                     # model.contract.load
model.info.labels                      # ("happy", "angry", ...)
moods = model.predict(windows)         # (n, 187, 96) float32 -> (n, labels) float32 in 0...1
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.frontend import FrontEnd
from model.mel import compress
from model.onnx_file import ModelError, one_line

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Turns windows (n, patch, n_mels) into probabilities (n, labels)."""


@dataclasses.dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model says of itself.

    Attributes:
        name: of the model.
        version: of the model.
        sha256: of the ONNX file, in hexadecimal; of all its ONNX files, one after another by name, if it has several.
        labels: names of the moods, in the order of the output's columns.
        frontend: the front-end it was trained with.
        training: data sets, seeds and metrics, as its maker wrote them.
        license: of the weights.
    """

    name: str
    version: str
    sha256: str
    labels: tuple[str, ...]
    frontend: FrontEnd
    training: dict[str, Any]
    license: str


class Model:
    """A verified model, ready to score windows. Safe to call from several threads."""

    def __init__(self, info: ModelInfo, network: Network) -> None:
        self.info = info
        self._network = network

    def predict(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score windows.

        Args:
            windows: shape (n, patch, n_mels), float32, as :class:`model.mel.MelStream` makes them.

        Returns:
            Shape (n, labels), float32, probabilities in 0...1.

        Raises:
            ModelError: the network fails on these windows, or does not answer with finite numbers.
        """
        try:
            answers = self._network(windows)
        except Exception as error:  # the library's errors have no common base of their own
            raise ModelError(f"the model {self.info.name} fails: {one_line(error)}") from None
        if not np.isfinite(answers).all():
            raise ModelError(f"the model {self.info.name} gives probabilities that are not finite")
        return answers


def trial_windows(frontend: FrontEnd) -> dict[str, NDArray[np.float32]]:
    """Return a window of silence and two of noise, by name: what every model must have an answer to."""
    silence = compress(np.zeros((1, frontend.patch, frontend.n_mels)), frontend)
    # Band powers from silence to full scale, evenly spread on the project's own logarithmic scale.
    levels = np.random.default_rng(0).uniform(0.0, 4.0, (2, frontend.patch, frontend.n_mels))
    noise = compress((10.0**levels - 1.0) / 10_000.0, frontend)
    return {"silence": silence, "noise": noise}


def check_answers(path: Path, model: Model) -> None:
    """Check that a model answers to silence and noise with one probability a window and label.

    Raises:
        ModelError: it does not.
    """
    for name, windows in trial_windows(model.info.frontend).items():
        try:
            moods = model.predict(windows)
        except ModelError as error:
            raise ModelError(f"{path} is no use: for {name}, {error}") from None
        if moods.shape != (len(windows), len(model.info.labels)):
            raise ModelError(
                f"{path} gives {list(moods.shape)} for {len(windows)} windows and {len(model.info.labels)} labels"
            )
        if moods.min() < -1e-6 or moods.max() > 1 + 1e-6:
            raise ModelError(
                f"{path} gives {moods.min():.3g} to {moods.max():.3g} for {name}; probabilities are 0 to 1"
            )
