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
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

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


class SortedSongs:
    """Songs, or (song, label) pairs, in descending order of a score.

    Only positives are looked at: how many songs are above each, and how many share its score.
    """

    def __init__(self, scores: Scores, truth: Truth) -> None:
        """Sort.

        Args:
            scores: finite; shape (songs,), or (songs, labels) to rank all pairs together.
            truth: the same shape.
        """
        order = np.argsort(-scores, axis=None, kind="stable")
        ranked, positive = scores.ravel()[order], truth.ravel()[order]
        begins = np.flatnonzero(np.append(True, ranked[:-1] != ranked[1:]))  # of the runs of equal scores
        bounds = np.append(begins, len(ranked))
        run = np.searchsorted(begins, np.flatnonzero(positive), side="right") - 1
        self._song = order // (scores.size // len(scores))
        self._positive = self._song[positive]
        self._first, self._end = bounds[run], bounds[run + 1]  # of each positive's run
        before = np.append(0, np.cumsum(positive))
        self._positives_above, self._positives_to_end = before[self._first], before[self._end]

    def areas(self, weights: NDArray[np.float64]) -> tuple[float, float]:
        """Return the areas under the ROC and the precision–recall curve, 0…1; NaN where ``ranking`` has none.

        Args:
            weights: how often each song counts, shape (songs,), in the order in which the scores were given.
        """
        taken = _sums(weights[self._song])
        weight = weights[self._positive]
        found = _sums(weight)
        positives, negatives = found[-1], taken[-1] - found[-1]
        if not positives:
            return float("nan"), float("nan")
        right, retrieved = found[self._positives_to_end], taken[self._end]
        precision = np.divide(right, retrieved, out=np.zeros_like(right), where=retrieved > 0)
        average_precision = float(weight @ precision / positives)
        if not negatives:
            return float("nan"), average_precision
        wrong_above = taken[self._first] - found[self._positives_above]
        beaten = negatives - (wrong_above + retrieved - right) / 2
        return float(weight @ beaten / (positives * negatives)), average_precision


def _sums(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of the first 0, 1, 2, … weights."""
    sums = np.zeros(len(weights) + 1)
    np.cumsum(weights, out=sums[1:])
    return sums


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
