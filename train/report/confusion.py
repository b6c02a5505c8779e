"""Which label leads where another is true: the confusion matrix, also for songs with several labels.

    matrix = confusion(scores, truth)      # (labels, labels): true label × leading label, songs

Of exclusive labels it is the usual confusion matrix. Where songs have several labels, a song counts once in the row of
each of its labels, and songs without any are in no row: the rows then say what leads when a label is true, not what is
wrong, for another label of the song may rightly lead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def confusion(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count songs by true label (row) and label with the highest score (column), of equal scores the first.

    Args:
        scores: shape (songs, labels).
        truth: shape (songs, labels).

    Returns:
        Shape (labels, labels).
    """
    leads = np.eye(scores.shape[1], dtype=np.int64)[scores.argmax(axis=1)]
    counts: NDArray[np.int64] = truth.astype(np.int64).T @ leads
    return counts
