"""Scores of songs: the mean over their non-overlapping 187-frame windows, the papers' song score.

scores = score_songs(predict, songs, Pack(Path("cache/clean")))     # (songs, outputs)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from train.cache import Pack, to_frames
from train.datasets.song import EMOTIONS, MOODS, Song

PATCH = 187
Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From windows (n, 187, 96) to outputs (n, outputs)."""


def windows(levels: NDArray[np.floating]) -> NDArray[np.float32]:
    """Cut levels (frames, 96) into non-overlapping windows of front-end frames, shape (frames // 187, 187, 96)."""
    count = len(levels) // PATCH
    return to_frames(levels[: count * PATCH]).reshape(count, PATCH, levels.shape[1])


def score_songs(predict: Predict, songs: Sequence[Song], pack: Pack, gain_db: float = 0.0) -> NDArray[np.float64]:
    """Return each song's mean output, shape (songs, outputs), with its level changed by ``gain_db``."""
    scores = []
    for song in songs:
        levels = pack[song.key].astype(np.float32) + np.float32(gain_db / 10.0)
        scores.append(predict(windows(levels)).mean(axis=0, dtype=np.float64))
    return np.array(scores)


def mood_predictor(network: nn.Module) -> Predict:
    """Return the nine moods of a network in training, before any calibration.

    A ``mood`` head speaks for itself. Otherwise the quadrants are the softmax of ``quadrant`` and the other moods the
    sigmoid of ``emotion``.
    """

    def predict(frames: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = network_outputs(network, frames)
        if "mood" in logits:
            return torch.sigmoid(logits["mood"]).numpy()
        emotions = torch.sigmoid(logits["emotion"])
        others = emotions[:, [EMOTIONS.index(name) for name in MOODS[4:]]]
        return torch.cat([torch.softmax(logits["quadrant"], dim=1), others], dim=1).numpy()

    return predict


def head_predictor(network: nn.Module, head: str) -> Predict:
    """Return the logits of one head."""
    return lambda frames: network_outputs(network, frames)[head].numpy()


def network_outputs(network: nn.Module, frames: NDArray[np.float32]) -> dict[str, torch.Tensor]:
    """Return the logits of all heads for windows (n, 187, 96), in evaluation mode."""
    network.eval()
    with torch.inference_mode():
        outputs: dict[str, torch.Tensor] = network(torch.from_numpy(frames))
    return outputs
