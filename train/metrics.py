"""Figures of merit, as pure functions of arrays.

Every function takes song-level scores; average precision and ROC areas are scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

Array = NDArray[np.floating]


def quadrant_accuracy(scores: Array, quadrants: NDArray[np.integer]) -> float:
    """Return the share of clips whose highest of four scores is the annotated quadrant.

    Args:
        scores: shape (clips, 4).
        quadrants: shape (clips,), 0 to 3.
    """
    return float(np.mean(scores.argmax(axis=1) == quadrants))


def macro_pr_auc(scores: Array, positives: NDArray[np.bool_]) -> float:
    """Return the mean over labels of average precision, 0…1; labels without a positive are left out.

    Args:
        scores: shape (songs, labels).
        positives: the same shape.
    """
    return _macro(average_precision_score, scores, positives)


def macro_roc_auc(scores: Array, positives: NDArray[np.bool_]) -> float:
    """Return the mean over labels of the area under the ROC curve; labels of one class only are left out."""
    return _macro(roc_auc_score, scores, positives)


def _macro(measure: Callable[..., float], scores: Array, positives: NDArray[np.bool_]) -> float:
    usable = [c for c in range(positives.shape[1]) if 0 < positives[:, c].sum() < len(positives)]
    return float(np.mean([measure(positives[:, c], scores[:, c]) for c in usable])) if usable else float("nan")


def correlation(first: Array, second: Array) -> float:
    """Return Pearson's correlation of two series of shape (songs,); NaN where one of them is constant."""
    if first.std() == 0 or second.std() == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def valence_arousal(quadrants: Array) -> tuple[Array, Array]:
    """Return (valence, arousal) from probabilities of happy, angry, sad, calm, shape (songs, 4) -> (songs,) each.

    Russell's plane: happy and calm are pleasant, happy and angry are active.
    """
    happy, angry, sad, calm = quadrants.T
    return happy + calm - angry - sad, happy + angry - sad - calm


def calibration_error(probabilities: Array, outcomes: NDArray[np.bool_], bins: int = 10) -> float:
    """Return the expected calibration error over bins of equal width, 0…1.

    The mean over all predictions of the distance, in their bin, between the mean probability and the share of positive
    outcomes (Naeini, Cooper, Hauskrecht 2015).

    Args:
        probabilities: shape (n,), 0…1.
        outcomes: shape (n,).
        bins: number of bins.
    """
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for place in np.unique(places):
        inside = places == place
        error += inside.sum() * abs(float(probabilities[inside].mean()) - float(outcomes[inside].mean()))
    return error / len(probabilities)


def bootstrap(
    measure: Callable[..., float], arrays: Sequence[NDArray], repeats: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of a measure when songs are drawn anew with replacement.

    Args:
        measure: takes the arrays, returns the figure.
        arrays: songs along the first axis of each.
        repeats: number of draws.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    songs = len(arrays[0])
    figures = []
    for _ in range(repeats):
        chosen = rng.integers(0, songs, songs)
        figures.append(measure(*(array[chosen] for array in arrays)))
    # A draw in which a label has no positive song, or all ratings are the same, has no figure.
    finite = [figure for figure in figures if np.isfinite(figure)]
    low, high = np.percentile(finite, [2.5, 97.5]) if finite else (float("nan"), float("nan"))
    return float(low), float(high)
