"""Figures of one head on the validation songs.

figures = head_figures("sigmoid", scores, truth, known)      # {"PR-AUC": 0.61, "ROC-AUC": 0.72}
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.figures.exclusive import accuracy
from train.figures.ranking import mean_of_known, pr_aucs, roc_aucs
from train.losses import Loss


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
