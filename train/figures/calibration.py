"""Whether probabilities mean what they say: of the songs given 0.8, are eight in ten positive?

error = calibration_error(probabilities, outcomes)
for place in reliability(probabilities, outcomes): ...      # the points of a reliability diagram
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from train.figures.checks import FigureError

Floats = NDArray[np.floating]


def correlation(first: Floats, second: Floats) -> float:
    """Return Pearson's correlation of two series of shape (songs,), −1…1; NaN where one of them is constant."""
    if first.std() == 0 or second.std() == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


class Bin(NamedTuple):
    """The predictions in one interval of probability: how many, their mean, and the share of them that came true."""

    predictions: int
    probability: float
    share: float


def calibration_error(probabilities: ArrayLike, outcomes: ArrayLike, bins: int = 10) -> float:
    """Return the expected calibration error over bins of equal width, 0…1, 0 where all is as said.

    The mean over all predictions of the distance, in their bin, between the mean probability and the share of positive
    outcomes. Source: Naeini, Cooper, Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, 2015,
    with the probability of the positive outcome in the place of the winning class's confidence.

    Args:
        probabilities: shape (n,), 0…1.
        outcomes: shape (n,), 0 or 1.
        bins: number of bins.

    Raises:
        FigureError: the arrays are others, or empty.
    """
    found = reliability(probabilities, outcomes, bins)
    total = sum(place.predictions for place in found)
    return sum(place.predictions * abs(place.probability - place.share) for place in found) / total


def reliability(probabilities: ArrayLike, outcomes: ArrayLike, bins: int = 10) -> list[Bin]:
    """Return the bins that hold a prediction, from the lowest probability up; 1 belongs to the last.

    Source: DeGroot, Fienberg, The comparison and evaluation of forecasters, 1983.

    Args:
        probabilities: shape (n,), 0…1.
        outcomes: shape (n,), 0 or 1.
        bins: of equal width, at least 1.

    Raises:
        FigureError: the arrays are others, or empty.
    """
    said, came = _check(probabilities, outcomes)
    places = np.minimum((said * bins).astype(int), bins - 1)
    members = [places == place for place in np.unique(places)]
    return [Bin(int(inside.sum()), float(said[inside].mean()), float(came[inside].mean())) for inside in members]


def _check(probabilities: ArrayLike, outcomes: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    said, came = np.asarray(probabilities), np.asarray(outcomes)
    if said.ndim != 1 or not said.size or said.shape != came.shape:
        raise FigureError(f"probabilities and outcomes: shapes {said.shape} and {came.shape}, needed is (n,) of both")
    if not ((said >= 0) & (said <= 1)).all():
        raise FigureError("probabilities: not all lie in 0…1")
    if not ((came == 0) | (came == 1)).all():
        raise FigureError("outcomes: not all are 0 or 1")
    return said.astype(np.float64), came.astype(np.bool_)
