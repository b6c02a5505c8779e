"""How well scores rank songs: areas under the ROC curve and under the precision–recall curve.

areas = roc_aucs(scores, truth)            # one a label
figure = macro_pr_auc(scores, truth)       # the mean over the labels

Scores and truth have shape (songs, labels). Both areas depend on the order of the scores only, and ties count half
(ROC) or as one step (precision–recall). The area under the precision–recall curve is average precision, as in
MediaEval's evaluation: the sum over thresholds of the gain in recall times the precision there, without interpolation.

A label without a positive song has neither area; one without a negative song has no ROC area, and 1 as the other. A
macro average leaves out the labels that have no area. MediaEval's script knows no such labels: with the scikit-learn of
its requirements it stops at the first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from train.figures.checks import Scores, Truth, check_scores, check_truth


def roc_aucs(scores: Scores, truth: Truth) -> NDArray[np.float64]:
    """Return each label's area under the ROC curve, shape (labels,).

    0…1, 0.5 for a guess: the probability that a song with the label scores higher than one without. NaN for a label
    without a positive or without a negative song. Source: Fawcett, An introduction to ROC analysis, 2006.

    Args:
        scores: shape (songs, labels), finite.
        truth: the same shape, 0 or 1.

    Raises:
        FigureError: the matrices are others.
    """
    truth = check_truth(truth)
    scores = check_scores(scores, truth.shape)
    return np.array([_roc_auc(scores[:, label], truth[:, label]) for label in range(truth.shape[1])])


def pr_aucs(scores: Scores, truth: Truth) -> NDArray[np.float64]:
    """Return each label's average precision, shape (labels,).

    0…1; a guess reaches the share of songs that have the label. NaN for a label without a positive song. Source:
    Boyd, Eng, Page, Area under the precision-recall curve, 2013; scikit-learn's ``average_precision_score``.

    Args:
        scores: shape (songs, labels), finite.
        truth: the same shape, 0 or 1.

    Raises:
        FigureError: the matrices are others.
    """
    truth = check_truth(truth)
    scores = check_scores(scores, truth.shape)
    return np.array([_pr_auc(scores[:, label], truth[:, label]) for label in range(truth.shape[1])])


def macro_roc_auc(scores: Scores, truth: Truth) -> float:
    """Return the mean of ``roc_aucs`` over the labels that have one, 0…1; NaN if none has."""
    return mean_of_known(roc_aucs(scores, truth))


def macro_pr_auc(scores: Scores, truth: Truth) -> float:
    """Return the mean of ``pr_aucs`` over the labels that have one, 0…1; NaN if none has."""
    return mean_of_known(pr_aucs(scores, truth))


def micro_roc_auc(scores: Scores, truth: Truth) -> float:
    """Return the ROC area of all (song, label) pairs ranked together, 0…1; NaN if the truth is all 0 or all 1.

    Args:
        scores: shape (songs, labels), finite; comparable between labels.
        truth: the same shape, 0 or 1.

    Raises:
        FigureError: the matrices are others.
    """
    truth = check_truth(truth)
    return _roc_auc(check_scores(scores, truth.shape).ravel(), truth.ravel())


def micro_pr_auc(scores: Scores, truth: Truth) -> float:
    """Return the average precision of all (song, label) pairs ranked together, 0…1; NaN without a positive pair.

    Args:
        scores: shape (songs, labels), finite; comparable between labels.
        truth: the same shape, 0 or 1.

    Raises:
        FigureError: the matrices are others.
    """
    truth = check_truth(truth)
    return _pr_auc(check_scores(scores, truth.shape).ravel(), truth.ravel())


def mean_of_known(values: NDArray[np.float64]) -> float:
    """Return the mean of the values that are not NaN; NaN if all are."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _roc_auc(scores: Scores, truth: Truth) -> float:
    return float(roc_auc_score(truth, scores)) if truth.any() and not truth.all() else float("nan")


def _pr_auc(scores: Scores, truth: Truth) -> float:
    return float(average_precision_score(truth, scores)) if truth.any() else float("nan")
