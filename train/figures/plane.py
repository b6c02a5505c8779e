"""Russell's plane of valence and arousal, and how well a series follows the ratings.

valence, arousal = valence_arousal(quadrants)
r = correlation(valence, rated)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def valence_arousal(quadrants: Floats) -> tuple[Floats, Floats]:
    """Return (valence, arousal) from probabilities of happy, angry, sad, calm, shape (songs, 4) -> (songs,) each.

    −2…2 from four independent probabilities, −1…1 where they add up to 1: happy and calm are pleasant, happy and angry
    are active. Source: Russell, A circumplex model of affect, 1980.
    """
    happy, angry, sad, calm = quadrants.T
    return happy + calm - angry - sad, happy + angry - sad - calm


def correlation(first: Floats, second: Floats) -> float:
    """Return Pearson's correlation of two series of shape (songs,), −1…1; NaN where one of them is constant."""
    if first.std() == 0 or second.std() == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
