"""From scores to decisions by MediaEval's rule, and how good decisions are: precision, recall, F.

thresholds = best_f1_thresholds(scores, truth)     # one a label
decisions = decide(scores, thresholds)             # score > threshold, strictly
figures = tally(decisions, truth).macro()          # Agreement(precision, recall, f_score)

All matrices have shape (songs, labels). A quotient without a denominator is 0, as in MediaEval's evaluation: the
precision of a label that no song was given, the recall of a label that no song has. A label without a positive song
thus takes part in the macro averages, with 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import precision_recall_curve

from train.figures import ranking
from train.figures.bootstrap import draws
from train.figures.checks import Scores, Truth, check_decisions, check_scores, check_thresholds, check_truth
from train.figures.ranking import SortedSongs, mean_of_known

Floats = NDArray[np.float64]


class Agreement(NamedTuple):
    """Precision, recall and F (their harmonic mean), 0…1; arrays of shape (labels,) where they are a label's."""

    precision: Floats
    recall: Floats
    f_score: Floats


def best_f1_thresholds(scores: Scores, truth: Truth) -> Floats:
    """Return for each label the score at which F is best on the precision–recall curve, shape (labels,).

    The curve counts songs at or above a threshold; ``decide`` takes those above it. The songs that score exactly the
    threshold, at least one of them positive, are hence not decided, and a label whose best F takes only its highest
    score is decided for no song: scores of 0 and 1 that are perfect give an F of 0. That is MediaEval's rule, and what
    its published tables were made with; the F that it reaches is below the curve's.

    Of thresholds with the same F the lowest is taken. A label without a positive song gets its highest score, so that
    it is decided for no song: so did MediaEval with the scikit-learn of its requirements (0.21), whereas newer ones
    would take the lowest score and decide the label for nearly all.

    Thresholds chosen on the songs that are then judged, as MediaEval's are, flatter the decisions.
    Source: MTG-Jamendo's scripts/mediaeval2019/calculate_decisions.py.

    Args:
        scores: shape (songs, labels), finite.
        truth: the same shape, 0 or 1.

    Raises:
        FigureError: the matrices are others.
    """
    truth = check_truth(truth)
    scores = check_scores(scores, truth.shape)
    return np.array([_best_f1(scores[:, label], truth[:, label]) for label in range(truth.shape[1])])


def _best_f1(scores: Scores, truth: Truth) -> float:
    if not truth.any():
        return float(scores.max())
    precision, recall, thresholds = precision_recall_curve(truth, scores)
    return float(thresholds[np.argmax(_ratio(2 * precision * recall, precision + recall))])


def decide(scores: Scores, thresholds: ArrayLike) -> Truth:
    """Return where a score is above its label's threshold, strictly; shape (songs, labels).

    Args:
        scores: shape (songs, labels), finite.
        thresholds: shape (labels,).

    Raises:
        FigureError: the arrays are others.
    """
    scores = check_scores(scores, np.shape(scores))
    return scores > check_thresholds(thresholds, scores.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """How many songs each label was rightly given, was given, and has; shape (labels,) each.

    Source of its figures: van Rijsbergen, Information Retrieval, 1979; scikit-learn's
    ``precision_recall_fscore_support`` with ``zero_division=0``.
    """

    right: Floats
    decided: Floats
    annotated: Floats

    def by_label(self) -> Agreement:
        """Return each label's precision, recall and F, shape (labels,) each."""
        return _agreement(self.right, self.decided, self.annotated)

    def macro(self) -> Agreement:
        """Return the means over all labels of ``by_label``; F is the mean of the labels' F, not of the two means."""
        return Agreement(*(values.mean() for values in self.by_label()))

    def micro(self) -> Agreement:
        """Return precision, recall and F of all (song, label) pairs taken together."""
        return _agreement(self.right.sum(), self.decided.sum(), self.annotated.sum())


def tally(decisions: Truth, truth: Truth) -> Tally:
    """Count the songs of each label.

    Args:
        decisions: shape (songs, labels), 0 or 1.
        truth: the same.

    Raises:
        FigureError: the matrices are others.
    """
    truth = check_truth(truth)
    decisions = check_decisions(decisions, truth.shape)
    return Tally(*(matrix.sum(axis=0, dtype=np.float64) for matrix in (decisions & truth, decisions, truth)))


def _agreement(right: Floats, decided: Floats, annotated: Floats) -> Agreement:
    return Agreement(_ratio(right, decided), _ratio(right, annotated), _ratio(2 * right, decided + annotated))


def _ratio(above: Floats, below: Floats) -> Floats:
    """Return the quotient, 0 where the denominator is 0."""
    return np.divide(above, below, out=np.zeros(np.shape(above)), where=np.asarray(below) != 0)


AREAS = ("ROC-AUC", "PR-AUC")
NAMES = tuple(
    f"{figure}-{average}" for average in ("macro", "micro") for figure in (*AREAS, "precision", "recall", "F-score")
)


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """What a system says of the songs.

    Attributes:
        scores: shape (songs, labels), finite.
        decisions: the same shape; None where it made none.
    """

    scores: Scores
    decisions: Truth | None


def mediaeval(scores: Scores, truth: Truth, decisions: Truth | None) -> dict[str, float]:
    """Return the ten figures by name, 0…1; without decisions, the six that need them are NaN.

    Args:
        scores: shape (songs, labels), finite.
        truth: the same shape, 0 or 1.
        decisions: the same shape, 0 or 1.

    Raises:
        FigureError: the matrices are others.
    """
    roc, pr = ranking.roc_aucs(scores, truth), ranking.pr_aucs(scores, truth)
    together = ranking.micro_roc_auc(scores, truth), ranking.micro_pr_auc(scores, truth)
    row = _row(roc, pr, together, None if decisions is None else tally(decisions, truth))
    return dict(zip(NAMES, row, strict=True))


def drawn_figures(
    system: System, truth: Truth, group_of_song: Sequence[str] | Sequence[int], repeats: int, seed: int
) -> NDArray[np.float64]:
    """Return the ten figures, in the order of ``NAMES``, of songs drawn anew; shape (draws, 10).

    The decisions stay what they are: thresholds are not chosen anew in each draw.

    Args:
        system: its scores and decisions.
        truth: shape (songs, labels).
        group_of_song: what is drawn as a whole, as in ``bootstrap.draws``.
        repeats: number of draws.
        seed: of the draws; the same for systems to be compared.
    """
    labels = [SortedSongs(scores, positive) for scores, positive in zip(system.scores.T, truth.T, strict=True)]
    together = SortedSongs(system.scores, truth)
    counted = None
    if system.decisions is not None:
        counted = np.hstack([system.decisions & truth, system.decisions, truth]).astype(np.float64)
    rows = []
    for weights in draws(group_of_song, repeats, seed):
        roc, pr = np.array([label.areas(weights) for label in labels]).T
        found = None if counted is None else Tally(*np.split(weights @ counted, 3))
        rows.append(_row(roc, pr, together.areas(weights), found))
    return np.array(rows)


def _row(
    roc: NDArray[np.float64], pr: NDArray[np.float64], together: tuple[float, float], found: Tally | None
) -> list[float]:
    """Return the ten figures in the order of ``NAMES``."""
    missing = [float("nan")] * 3
    macro, micro = ([*found.macro()], [*found.micro()]) if found else (missing, missing)
    return [float(value) for value in (mean_of_known(roc), mean_of_known(pr), *macro, *together, *micro)]
