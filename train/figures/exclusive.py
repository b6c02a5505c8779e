"""Figures of labels of which a song has exactly one: quadrants, artists, languages.

if is_exclusive(truth):
    share = accuracy(scores, truth.argmax(axis=1))
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from train.figures.checks import FigureError, Scores, Truth, check_scores, check_truth


def is_exclusive(truth: Truth) -> bool:
    """Tell whether every song has exactly one of at least two labels.

    Args:
        truth: shape (songs, labels), 0 or 1.

    Raises:
        FigureError: the matrix is another.
    """
    truth = check_truth(truth)
    return truth.shape[1] > 1 and bool((truth.sum(axis=1) == 1).all())


def accuracy(scores: Scores, classes: ArrayLike) -> float:
    """Return the share of songs whose highest score is that of their label, 0…1; of equal scores the first counts.

    Args:
        scores: shape (songs, labels), finite.
        classes: the column of each song's label, shape (songs,).

    Raises:
        FigureError: the arrays are others.
    """
    scores = check_scores(scores, np.shape(scores))
    found: NDArray[np.integer] = np.asarray(classes)
    if found.shape != (len(scores),) or found.dtype.kind not in "iu":
        raise FigureError(f"classes: shape {found.shape} of {found.dtype}, needed is a whole number for each song")
    if found.min() < 0 or found.max() >= scores.shape[1]:
        raise FigureError(f"classes: {found.min()} to {found.max()}, there are {scores.shape[1]} labels")
    return float(np.mean(scores.argmax(axis=1) == found))
