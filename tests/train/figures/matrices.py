"""Matrices that properties are tried on: small, with many ties, with labels that no song or every song has."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

Case = tuple[NDArray[np.float64], NDArray[np.bool_]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Scores of which many are equal, and any truth, shape (songs, labels) each."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8))
    whole = draw(hnp.arrays(np.int64, shape, elements=st.integers(-4, 4)))
    return whole / 4, draw(hnp.arrays(np.bool_, shape))


def example(songs: int = 200, labels: int = 6, seed: int = 0) -> Case:
    """Scores that know something, all labels with positives and negatives."""
    rng = np.random.default_rng(seed)
    truth = rng.random((songs, labels)) < 0.2
    truth[0], truth[1] = True, False
    return 1 / (1 + np.exp(1 - truth - rng.normal(size=truth.shape))), truth
