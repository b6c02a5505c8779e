"""Fit how the members' outputs become nine calibrated probabilities: a logistic regression with few free numbers.

    blend = fit_blend(features, owners, songs)

The features of a window are those of model.networks.mood_ensemble: four quadrant logits, eight emotion logits, valence
and arousal. A quadrant's logit is ``a q + b e + c (± valence) + d (± arousal) + bias``, with one a, b, c, d for all
four (e is the emotion of the same name; angry has none); an emotion's is ``s e + bias_e``. That makes 14 numbers,
fitted on the validation songs at song level: cross-entropy of both data sets less the correlations with the ratings;
then scaled by two more (quadrants, emotions) to the least cross-entropy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from model.circumplex import AROUSAL_SIGNS, VALENCE_SIGNS
from model.networks.mood_ensemble import FEATURES
from train.data.song import EMOTIONS, MOODS, Song
from train.learn.scoring import annotated, truths

_START = (1.3, 0.2, 2.5, 1.0, 1.2)
"""Strengths of quadrant, shared emotion, valence, arousal and emotion, chosen on the validation songs: they weigh the
ratings against 4Q, since valence is what the quadrant outputs alone know least about."""
_PULL = 0.02
"""How strongly the five strengths are held near their start: the validation songs are few."""
_RATINGS = 1.0
"""Weight of the correlations beside the two cross-entropies."""


@dataclasses.dataclass(frozen=True, slots=True)
class Blend:
    """A fitted blend.

    Attributes:
        weights: shape (9, 14).
        bias: shape (9,).
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def song_scores(self, features: NDArray[np.float32], owners: NDArray[np.int64], count: int) -> NDArray[np.float64]:
        """Return the nine moods of songs, shape (count, 9), from their windows' features (n, 14)."""
        windows = torch.sigmoid(torch.from_numpy(features @ self.weights.T + self.bias))
        return _means(windows, torch.from_numpy(owners), count).numpy().astype(np.float64)


def fit_blend(features: NDArray[np.float32], owners: NDArray[np.int64], songs: Sequence[Song]) -> Blend:
    """Return the blend that fits these songs best.

    Args:
        features: shape (windows, 14).
        owners: shape (windows,), index of each window's song.
        songs: the songs; what a song's data set does not annotate is left out of the loss.
    """
    judge = _Judge(features, owners, songs)
    strengths = torch.tensor(_START, requires_grad=True)
    bias = torch.full((len(MOODS),), -0.5, requires_grad=True)
    start = torch.tensor(_START)

    def fusion() -> torch.Tensor:
        scores = judge.scores(_matrix(strengths), bias)
        held = _PULL * ((strengths - start) ** 2).sum()
        return judge.cross_entropy(scores) - _RATINGS * judge.correlations(scores) + held

    _minimise(fusion, [strengths, bias])
    # The correlations do not care how sure the probabilities are: calibrate with the fusion's proportions kept.
    fused = _matrix(strengths).detach()
    scale = torch.ones(2, requires_grad=True)

    def rescaled() -> torch.Tensor:
        return fused * torch.cat([scale[:1].expand(4), scale[1:].expand(len(MOODS) - 4)])[:, None]

    _minimise(lambda: judge.cross_entropy(judge.scores(rescaled(), bias)), [scale, bias])
    return Blend(rescaled().detach().numpy(), bias.detach().numpy())


class _Judge:
    """What a blend is fitted to: songs' scores against what their data sets say."""

    def __init__(self, features: NDArray[np.float32], owners: NDArray[np.int64], songs: Sequence[Song]) -> None:
        self._where = {name: torch.from_numpy(indices) for name, indices in annotated(songs).items()}
        quadrants, emotions, ratings = truths(songs)
        self._quadrants = torch.eye(4)[torch.from_numpy(quadrants)]
        self._emotions, self._ratings = torch.from_numpy(emotions).float(), torch.from_numpy(ratings).float()
        self._features, self._owners, self._count = torch.from_numpy(features), torch.from_numpy(owners), len(songs)

    def scores(self, weights: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """Return the songs' moods, shape (songs, 9)."""
        return _means(torch.sigmoid(self._features @ weights.T + bias), self._owners, self._count)

    def cross_entropy(self, scores: torch.Tensor) -> torch.Tensor:
        """Return the sum over both data sets of the mean over their labels."""
        scores = scores.clamp(1e-5, 1 - 1e-5)
        measure = torch.nn.functional.binary_cross_entropy
        columns = [MOODS.index(name) for name in EMOTIONS]
        total = torch.zeros(())
        if len(self._quadrants):
            total = total + measure(scores[self._where["quadrant"]][:, :4], self._quadrants)
        if len(self._emotions):
            total = total + measure(scores[self._where["emotions"]][:, columns], self._emotions)
        return total

    def correlations(self, scores: torch.Tensor) -> torch.Tensor:
        """Return the sum of the correlations with valence and arousal."""
        if len(self._ratings) < 3:
            return torch.zeros(())
        plane = scores[self._where["ratings"]][:, :4]
        axes = enumerate((VALENCE_SIGNS, AROUSAL_SIGNS))
        found = [_correlation(plane @ torch.tensor(signs), self._ratings[:, axis]) for axis, signs in axes]
        return torch.stack(found).sum()


def _minimise(loss: Callable[[], torch.Tensor], parameters: list[torch.Tensor]) -> None:
    optimiser = torch.optim.LBFGS(parameters, max_iter=200, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    optimiser.step(step)


def cross_fitted_scores(
    features: NDArray[np.float32], owners: NDArray[np.int64], songs: Sequence[Song], folds: int = 5
) -> NDArray[np.float64]:
    """Return each song's nine moods by a blend that was fitted without it and its artist, shape (songs, 9).

    These are what calibration error and figures would be if the blend had not seen the songs that judge it.
    """
    artists = sorted({song.artist for song in songs})
    fold_of = {artist: number % folds for number, artist in enumerate(artists)}
    folds_of_songs = np.array([fold_of[song.artist] for song in songs])
    scores = np.zeros((len(songs), len(MOODS)))
    for fold in range(folds):
        kept = np.flatnonzero(folds_of_songs != fold)
        renumbered = np.full(len(songs), -1)
        renumbered[kept] = np.arange(len(kept))
        inside = renumbered[owners] >= 0
        blend = fit_blend(features[inside], renumbered[owners[inside]], [songs[i] for i in kept])
        left_out = folds_of_songs == fold
        scores[left_out] = blend.song_scores(features, owners, len(songs))[left_out]
    return scores


def _matrix(strengths: torch.Tensor) -> torch.Tensor:
    """Lay the five strengths out as the (9, 14) matrix of the logistic regression."""
    quadrant, shared, valence, arousal, emotion = (strengths[k] for k in range(5))
    rows = []
    for number, name in enumerate(MOODS):
        row = torch.zeros(FEATURES)
        if number < 4:
            row = row + quadrant * _unit(number)
            row = row + valence * VALENCE_SIGNS[number] * _unit(12) + arousal * AROUSAL_SIGNS[number] * _unit(13)
            if name in EMOTIONS:
                row = row + shared * _unit(4 + EMOTIONS.index(name))
        else:
            row = row + emotion * _unit(4 + EMOTIONS.index(name))
        rows.append(row)
    return torch.stack(rows)


def _unit(place: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(place), FEATURES).float()


def _means(values: torch.Tensor, owners: torch.Tensor, count: int) -> torch.Tensor:
    sums = torch.zeros(count, values.shape[1]).index_add(0, owners, values)
    return sums / torch.bincount(owners, minlength=count).clamp(min=1)[:, None]


def _correlation(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    first, second = first - first.mean(), second - second.mean()
    return (first * second).sum() / (first.norm() * second.norm()).clamp(min=1e-9)
