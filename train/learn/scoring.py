"""Scores of songs: the mean over their non-overlapping windows, the papers' song score.

scores = score_songs(predict, songs, Pack(Path("cache/clean")))                       # (songs, outputs)
scores = score_heads(network, {"mood": "sigmoid"}, keys, features, Windows(187))      # {"mood": (songs, labels)}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from model.circumplex import valence_arousal
from model.frontend import Compression
from model.mel import melspectrogram
from train.data.features import BENT, DEGRADED, Pack, to_frames
from train.data.negatives import validation_negatives
from train.data.song import EMOTIONS, MOODS, POSITIVE_RATE, Song
from train.figures.bootstrap import bootstrap
from train.figures.calibration import correlation
from train.figures.ranking import accuracy, macro_pr_auc, macro_roc_auc, mean_of_known, pr_aucs, roc_aucs
from train.learn.losses import Loss
from train.learn.material import Frames

EMOTION_COLUMNS = [MOODS.index(name) for name in EMOTIONS]


def annotated(songs: Sequence[Song]) -> dict[str, NDArray[np.int64]]:
    """Return the indices of the songs with quadrants, with emotions and with ratings."""
    return {
        "quadrant": np.array([i for i, s in enumerate(songs) if s.quadrant is not None], int),
        "emotions": np.array([i for i, s in enumerate(songs) if s.emotions is not None], int),
        "ratings": np.array([i for i, s in enumerate(songs) if s.ratings is not None], int),
    }


def truths(songs: Sequence[Song]) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]:
    """Return (quadrants, positive emotions (n, 8), ratings (n, 2)) of the songs that have them, in order."""
    where = annotated(songs)
    quadrants = np.array([songs[i].quadrant for i in where["quadrant"]], int)
    rates = np.array([songs[i].emotions for i in where["emotions"]], float).reshape(-1, len(EMOTIONS))
    ratings = np.array([songs[i].ratings for i in where["ratings"]], float).reshape(-1, 2)
    return quadrants, rates >= POSITIVE_RATE, ratings


def mood_figures(
    songs: Sequence[Song], scores: NDArray[np.floating], draws: int = 0
) -> dict[str, tuple[float, float, float]]:
    """Return each figure with its 95 % interval by song (NaN without draws).

    Args:
        songs: whose scores these are.
        scores: shape (songs, 9), in the order of MOODS.
        draws: how many times the songs are drawn anew for the interval.
    """
    where = annotated(songs)
    quadrants, emotions, ratings = truths(songs)
    plane = scores[where["ratings"]][:, :4]
    fours, eights = scores[where["quadrant"]][:, :4], scores[where["emotions"]][:, EMOTION_COLUMNS]
    one_hot = np.eye(4, dtype=bool)[quadrants]
    measures = {
        "4Q accuracy": (accuracy, (fours, quadrants)),
        "4Q PR-AUC": (macro_pr_auc, (fours, one_hot)),
        "4Q ROC-AUC": (macro_roc_auc, (fours, one_hot)),
        "Emotify PR-AUC": (macro_pr_auc, (eights, emotions)),
        "Emotify ROC-AUC": (macro_roc_auc, (eights, emotions)),
        "valence r": (lambda p, r: correlation(valence_arousal(*p.T)[0], r[:, 0]), (plane, ratings)),
        "arousal r": (lambda p, r: correlation(valence_arousal(*p.T)[1], r[:, 1]), (plane, ratings)),
    }
    figures = {}
    for name, (measure, arrays) in measures.items():
        if len(arrays[0]) < 2:
            continue
        low, high = bootstrap(measure, arrays, draws) if draws else (float("nan"), float("nan"))
        figures[name] = (measure(*arrays), low, high)
    return figures


def selection_score(figures: dict[str, tuple[float, float, float]]) -> float:
    """Return one number to choose by: the mean of the PR-AUCs and correlations that there are."""
    names = ("4Q PR-AUC", "Emotify PR-AUC", "valence r", "arousal r")
    known = [figures[name][0] for name in names if name in figures and np.isfinite(figures[name][0])]
    return float(np.mean(known)) if known else 0.0


def calibration_pairs(
    songs: Sequence[Song], scores: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return probabilities and outcomes of all annotated (song, mood) pairs: 4 of a 4Q clip, 8 of an Emotify song."""
    where = annotated(songs)
    quadrants, emotions, _ = truths(songs)
    fours, eights = scores[where["quadrant"]][:, :4], scores[where["emotions"]][:, EMOTION_COLUMNS]
    probabilities = np.concatenate([fours.ravel(), eights.ravel()]).astype(np.float64)
    return probabilities, np.concatenate([np.eye(4, dtype=bool)[quadrants].ravel(), emotions.ravel()])


def head_figures(
    loss: Loss, scores: NDArray[np.floating], targets: NDArray[np.floating], known: NDArray[np.bool_]
) -> dict[str, float]:
    """Return macro PR-AUC and ROC-AUC, and the accuracy of exclusive labels; NaN where there is none.

    Each label is judged on the songs that are annotated with it. A rating counts as present from 0.5 on.

    Args:
        loss: of the head; ``softmax`` labels exclude each other.
        scores: shape (songs, labels).
        targets: the same shape, 0…1.
        known: the same shape.
    """
    positive = targets >= 0.5
    areas = np.full((2, scores.shape[1]), np.nan)
    for label in range(scores.shape[1]):
        songs = known[:, label]
        if songs.any():
            columns = scores[songs, label, None], positive[songs, label, None]
            areas[:, label] = pr_aucs(*columns)[0], roc_aucs(*columns)[0]
    figures = {"PR-AUC": mean_of_known(areas[0]), "ROC-AUC": mean_of_known(areas[1])}
    if loss == "softmax":
        songs = known.all(axis=1)
        rows = scores[songs], targets[songs].argmax(axis=1)
        figures["accuracy"] = accuracy(*rows) if songs.any() else float("nan")
    return {name: float(value) for name, value in figures.items()}


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


def not_music(predict: Predict) -> dict[str, NDArray[np.float64]]:
    """Return the highest probability of each window of held-out silence, noise, hum and speech, by kind."""
    found = {}
    for kind, sounds in validation_negatives().items():
        highest = []
        for samples in sounds:
            frames = melspectrogram(samples)
            count = len(frames) // PATCH
            highest.append(predict(frames[: count * PATCH].reshape(count, PATCH, -1)).max(axis=1))
        found[kind] = np.concatenate(highest).astype(np.float64)
    return found


def at_levels(
    predict: Predict, songs: Sequence[Song], cache: Path, gains_db: Sequence[float] = (-12.0, 12.0)
) -> dict[str, dict[str, float]]:
    """Return the figures of the songs played at other levels, by level."""
    pack = Pack(cache / "clean")
    figures = {}
    for gain in gains_db:
        found = mood_figures(songs, score_songs(predict, songs, pack, gain))
        figures[f"{gain:+.0f} dB"] = {name: values[0] for name, values in found.items()}
    return figures


def when_degraded(predict: Predict, songs: Sequence[Song], cache: Path) -> dict[str, float]:
    """Return the figures of degraded versions of the songs; empty if none were prepared."""
    if not (cache / f"{DEGRADED}.index").is_file():
        return {}
    pack = Pack(cache / DEGRADED)
    there = [song for song in songs if song.key in pack]
    return {name: values[0] for name, values in mood_figures(there, score_songs(predict, there, pack)).items()}
