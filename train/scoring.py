"""Scores of songs: the mean over their non-overlapping windows, the papers' song score.

scores = score_songs(predict, songs, Pack(Path("cache/clean")))                       # (songs, outputs)
scores = score_heads(network, {"mood": "sigmoid"}, keys, features, Windows(187))      # {"mood": (songs, labels)}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from model.frontend import Compression
from train.data.features import BENT, Pack, to_frames
from train.data.song import EMOTIONS, MOODS, Song
from train.losses import Loss
from train.material import Frames

PATCH = 187
BATCH = 64
"""Windows of a song that a network is given at once: an hour of music has more than memory holds."""


@dataclasses.dataclass(frozen=True, slots=True)
class Windows:
    """How a song is cut for its score.

    Attributes:
        patch: frames in a window.
        first_frames: only this many frames at the beginning of a song; None for all.
        compression: of the front-end.
    """

    patch: int
    first_frames: int | None = None
    compression: Compression = BENT


Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From windows (n, 187, 96) to outputs (n, outputs)."""


def score_heads(
    network: nn.Module, heads: Mapping[str, Loss], keys: Sequence[str], frames: Frames, cut: Windows
) -> dict[str, NDArray[np.float64]]:
    """Return the songs' mean probabilities of each of these heads, shape (songs, labels).

    Args:
        network: in training; its outputs are logits.
        heads: the loss of each, which says whether its probabilities are sigmoids or a softmax.
        keys: of the songs; each is as long as a window.
        frames: levels by song.
        cut: how a song is cut into windows.
    """
    rows: dict[str, list[NDArray[np.float64]]] = {name: [] for name in heads}
    for key in keys:
        levels = frames[key]
        count = max(1, min(len(levels), cut.first_frames or len(levels)) // cut.patch)
        sums: dict[str, NDArray[np.float64]] = {}
        for first in range(0, count, BATCH):
            part = levels[first * cut.patch : min(first + BATCH, count) * cut.patch]
            cuts = to_frames(part, cut.compression).reshape(-1, cut.patch, levels.shape[1])
            logits = network_outputs(network, cuts)
            for name, loss in heads.items():
                probabilities = torch.softmax(logits[name], 1) if loss == "softmax" else torch.sigmoid(logits[name])
                sums[name] = sums.get(name, np.zeros(())) + probabilities.numpy().sum(axis=0, dtype=np.float64)
        for name in heads:
            rows[name].append(sums[name] / count)
    return {name: np.array(values) for name, values in rows.items()}


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
    """Return the logits of all heads for windows (n, patch, bands), in evaluation mode, on the CPU."""
    network.eval()
    device = next(network.parameters()).device
    with torch.inference_mode():
        outputs: dict[str, torch.Tensor] = network(torch.from_numpy(frames).to(device))
    return {name: values.float().cpu() for name, values in outputs.items()}
