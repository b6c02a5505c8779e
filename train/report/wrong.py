"""The songs that a model is most wrong about.

    for song in most_wrong(judgement, count=20): song.entry.id, song.loss, song.truth, song.leading
    for song in furthest(rating, count=10): ...

A song's loss is the mean of the binary cross-entropy over its labels, with probabilities kept 1e-6 from 0 and 1.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from train.data.manifest import Entry
from train.report.judgement import LabelJudgement, RatingJudgement

_EDGE = 1e-6
_LEADING = 3


@dataclasses.dataclass(frozen=True, slots=True)
class WrongSong:
    """A song that was judged wrongly.

    Attributes:
        entry: the song.
        loss: of its labels.
        truth: its labels, with what the model says of each.
        leading: the labels that the model says most, with their probabilities.
    """

    entry: Entry
    loss: float
    truth: tuple[tuple[str, float], ...]
    leading: tuple[tuple[str, float], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class FarSong:
    """A song far from where its rating would put it.

    Attributes:
        entry: the song.
        said: by the model.
        rated: by the listeners, 0…1.
        deviation: of the two from each other, each in standard deviations from its mean.
    """

    entry: Entry
    said: float
    rated: float
    deviation: float


def losses(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return each song's loss, shape (songs,), from matrices of shape (songs, labels)."""
    said = np.clip(scores, _EDGE, 1.0 - _EDGE)
    found: NDArray[np.float64] = -np.where(truth, np.log(said), np.log1p(-said)).mean(axis=1)
    return found


def most_wrong(judgement: LabelJudgement, count: int) -> list[WrongSong]:
    """Return the songs with the highest loss, the highest first."""
    loss = losses(judgement.scores, judgement.truth)
    found = []
    for row in np.argsort(-loss, kind="stable")[:count]:
        scores, truth = judgement.scores[row], judgement.truth[row]
        leading = np.argsort(-scores, kind="stable")[:_LEADING]
        found.append(
            WrongSong(
                entry=judgement.songs[row],
                loss=float(loss[row]),
                truth=tuple((judgement.names[i], float(scores[i])) for i in np.flatnonzero(truth)),
                leading=tuple((judgement.names[i], float(scores[i])) for i in leading),
            )
        )
    return found


def furthest(rating: RatingJudgement, count: int) -> list[FarSong]:
    """Return the songs whose prediction is furthest from their rating, both standardised; none if one is constant."""
    if not np.isfinite(rating.correlation):
        return []
    deviation = _standard(rating.said) - _standard(rating.rated)
    order = np.argsort(-np.abs(deviation), kind="stable")[:count]
    return [FarSong(rating.songs[i], float(rating.said[i]), float(rating.rated[i]), float(deviation[i])) for i in order]


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (values - values.mean()) / values.std()
    return found
