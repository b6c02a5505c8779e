"""What every figure asks of its matrices before it computes, as one line that names what is wrong.

truth = check_truth(matrix)                      # bool, (songs, labels)
scores = check_scores(matrix, truth.shape)       # float64, finite, the same shape
decisions = check_decisions(matrix, truth.shape) # bool, the same shape

The figures take the scores first and the truth second, both (songs, labels). ``name`` is what the message calls the
matrix: the command gives the file's name.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = NDArray[np.float64]
Truth = NDArray[np.bool_]


class FigureError(ValueError):
    """The matrices are not what a figure can be computed from; the message is one line."""


def check_truth(matrix: ArrayLike, name: str = "truth") -> Truth:
    """Return annotations as booleans, shape (songs, labels).

    Args:
        matrix: booleans, or numbers that are all 0 or 1; shape (songs, labels).
        name: for the message.

    Raises:
        FigureError: another shape, empty, or another value.
    """
    return _binary(_matrix(matrix, name), name)


def check_decisions(matrix: ArrayLike, shape: tuple[int, ...], name: str = "decisions") -> Truth:
    """Return decisions as booleans, shape (songs, labels).

    Args:
        matrix: booleans, or numbers that are all 0 or 1.
        shape: of the truth.
        name: for the message.

    Raises:
        FigureError: another shape or another value.
    """
    return _binary(_of_shape(_matrix(matrix, name), shape, name), name)


def check_scores(matrix: ArrayLike, shape: tuple[int, ...], name: str = "scores") -> Scores:
    """Return scores as float64, shape (songs, labels); any finite numbers, the higher the likelier.

    Args:
        matrix: numbers.
        shape: of the truth.
        name: for the message.

    Raises:
        FigureError: another shape, or a value that is no finite number.
    """
    found = _of_shape(_matrix(matrix, name), shape, name).astype(np.float64)
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        row, column = bad[0]
        raise FigureError(
            f"{name}: {found[row, column]} in row {row}, column {column} (counted from 0): scores must be finite"
        )
    return found


def check_thresholds(values: ArrayLike, labels: int, name: str = "thresholds") -> NDArray[np.float64]:
    """Return one threshold a label as float64, shape (labels,).

    Args:
        values: numbers; infinity for a label that is never decided.
        labels: how many there must be.
        name: for the message.

    Raises:
        FigureError: another number of them, or one that is no number.
    """
    found = np.asarray(values)
    if found.dtype.kind not in "biuf":
        raise FigureError(f"{name}: holds {found.dtype}, thresholds must be numbers")
    if found.shape != (labels,):
        raise FigureError(f"{name}: has shape {found.shape}, one threshold for each of {labels} labels is needed")
    if np.isnan(found).any():
        raise FigureError(f"{name}: the threshold of label {int(np.isnan(found).argmax())} (counted from 0) is NaN")
    return found.astype(np.float64)


def _matrix(matrix: ArrayLike, name: str) -> NDArray[np.generic]:
    found = np.asarray(matrix)
    if found.dtype.kind not in "biuf":
        raise FigureError(f"{name}: holds {found.dtype}, needed are numbers")
    if found.ndim != 2:
        raise FigureError(f"{name}: has shape {found.shape}, needed is (songs, labels)")
    if not found.size:
        raise FigureError(f"{name}: is empty, its shape is {found.shape}")
    return found


def _of_shape(matrix: NDArray[np.generic], shape: tuple[int, ...], name: str) -> NDArray[np.generic]:
    if matrix.shape != shape:
        raise FigureError(f"{name}: has shape {matrix.shape}, the truth has {shape}")
    return matrix


def _binary(matrix: NDArray[np.generic], name: str) -> Truth:
    bad = np.argwhere((matrix != 0) & (matrix != 1))
    if len(bad):
        row, column = bad[0]
        raise FigureError(f"{name}: {matrix[row, column]} in row {row}, column {column} (counted from 0) is not 0 or 1")
    return matrix.astype(np.bool_)
