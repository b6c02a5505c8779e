"""The ten figures of MediaEval's Emotions and Themes in Music, their intervals, and the difference of two systems.

figures = mediaeval(scores, truth, decisions)                # {"ROC-AUC-macro": 0.736, …}
drawn = drawn_figures(system, truth, groups, 1000, seed)     # shape (draws, 10), for intervals and differences

Source: MTG-Jamendo's scripts/mediaeval/evaluate.py; where a label has no positive or no negative song, ``ranking`` and
``decisions`` say what is done. A figure that does not exist is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.figures import ranking
from train.figures.bootstrap import draws
from train.figures.checks import Scores, Truth
from train.figures.decisions import Tally, tally
from train.figures.ranking import mean_of_known
from train.figures.sorted_songs import SortedSongs

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
