"""Intervals of the figures that train.metrics gives none for: of each label, of accuracy, calibration, correlation.

    rows = label_intervals(scores, truth, groups, draws=1000, seed=0)
    rows[0].pr_auc                          # (0.61, 0.74)
    r, (low, high) = weighted_correlation(said, rated, groups, draws=1000, seed=0)

The same seed draws the same songs as ``train.metrics``, and the bootstrap's bias is taken off in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from train.figures.bootstrap import draws as drawn
from train.figures.bootstrap import interval, without_bias
from train.figures.ranking import SortedSongs, is_exclusive

Ends = tuple[float, float]
Floats = NDArray[np.float64]


class LabelIntervals(NamedTuple):
    """A label's 95 % intervals; None where the label has no such figure."""

    roc_auc: Ends | None
    pr_auc: Ends | None


def label_intervals(
    scores: Floats, truth: NDArray[np.bool_], groups: Sequence[str], draws: int, seed: int
) -> list[LabelIntervals]:
    """Return the intervals of each label's two areas.

    Args:
        scores: shape (songs, labels).
        truth: shape (songs, labels).
        groups: what is drawn as a whole, one a song.
        draws: how often.
        seed: of the draws.
    """
    rankings = [SortedSongs(one, positive) for one, positive in zip(scores.T, truth.T, strict=True)]
    whole = np.ones(len(scores))
    areas = np.array([[ranking.areas(weights) for ranking in rankings] for weights in drawn(groups, draws, seed)])
    rows = []
    for number, ranking in enumerate(rankings):
        roc, pr = (_ends(areas[:, number, kind], value) for kind, value in enumerate(ranking.areas(whole)))
        rows.append(LabelIntervals(roc, pr))
    return rows


def other_intervals(
    scores: Floats, truth: NDArray[np.bool_], groups: Sequence[str], draws: int, seed: int, bins: int = 10
) -> dict[str, Ends]:
    """Return the intervals of the accuracy of exclusive labels and of the calibration error.

    Args:
        scores: probabilities, shape (songs, labels).
        truth: shape (songs, labels).
        groups: what is drawn as a whole, one a song.
        draws: how often.
        seed: of the draws.
        bins: of the calibration error.
    """
    # A bin's share of the error is the distance of two sums over its members, and these are sums over songs.
    place = np.minimum((scores * bins).astype(int), bins - 1)
    apart = np.stack([np.where(place == one, scores - truth, 0.0).sum(axis=1) for one in range(bins)], axis=1)
    right = (scores.argmax(axis=1) == truth.argmax(axis=1)).astype(np.float64)

    def error(weights: Floats) -> float:
        return float(np.abs(weights @ apart).sum() / (weights.sum() * scores.shape[1]))

    def accuracy(weights: Floats) -> float:
        return float(weights @ right / weights.sum())

    measures = {"calibration-error": error}
    if is_exclusive(truth):
        measures["accuracy"] = accuracy
    values = [[measure(weights) for measure in measures.values()] for weights in drawn(groups, draws, seed)]
    whole = np.ones(len(scores))
    ends = {name: _ends(np.array(values)[:, i], measure(whole)) for i, (name, measure) in enumerate(measures.items())}
    return {name: pair for name, pair in ends.items() if pair is not None}


def weighted_correlation(
    said: Floats, rated: Floats, groups: Sequence[str], draws: int, seed: int
) -> tuple[float, Ends | None]:
    """Return Pearson's r of two series of shape (songs,), and its interval; NaN and None where one is constant."""
    value = _correlation(said, rated, np.ones(len(said)))
    if not np.isfinite(value) or not draws:
        return value, None
    found = [_correlation(said, rated, weights) for weights in drawn(groups, draws, seed)]
    return value, _ends(np.array(found), value, least=-1.0)


def _correlation(first: Floats, second: Floats, weights: Floats) -> float:
    covariance = np.cov(first, second, aweights=weights, ddof=0)
    spread = float(covariance[0, 0] * covariance[1, 1])
    return float(covariance[0, 1] / np.sqrt(spread)) if spread > 0 else float("nan")


def _ends(figures: Floats, value: float, least: float = 0.0) -> Ends | None:
    """Return the interval of a figure's draws within what it can reach; None where the figure does not exist."""
    if not np.isfinite(value):
        return None
    low, high = interval(without_bias(figures, value))
    return max(low, least), min(high, 1.0)
