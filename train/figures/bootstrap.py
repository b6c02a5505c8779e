"""How far a figure would move with other songs: bootstrap intervals, and a paired test of two systems.

low, high = bootstrap(accuracy, [scores, classes])         # any figure of arrays, songs drawn anew
for weights in draws(group_of_song, 1000, seed): ...       # how often each song counts in a draw
low, high = interval(without_bias(figures, figure))        # of the figures of the draws
p = p_value(without_bias(differences, difference))         # of the draws' differences between two systems

Songs of one artist resemble each other, so intervals by song are too narrow for what is claimed of artists not heard:
draw artists then, each with all its songs (Field, Welsh, Bootstrapping clustered data, 2007).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def bootstrap(
    measure: Callable[..., float], arrays: Sequence[NDArray[Any]], repeats: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of a measure when songs are drawn anew with replacement.

    Args:
        measure: takes the arrays, returns the figure.
        arrays: songs along the first axis of each.
        repeats: number of draws.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    songs = len(arrays[0])
    figures = []
    for _ in range(repeats):
        chosen = rng.integers(0, songs, songs)
        figures.append(measure(*(array[chosen] for array in arrays)))
    return interval(figures)


def draws(group_of_song: Sequence[str] | Sequence[int], repeats: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield for each draw how often every song counts, shape (songs,): groups are drawn with replacement, whole.

    The same seed yields the same draws, so that two systems can be judged on the same ones.

    Args:
        group_of_song: a number or a name for each song, shape (songs,); all different for a bootstrap by song.
        repeats: number of draws.
        seed: of the draws.
    """
    _, group = np.unique(np.asarray(group_of_song), return_inverse=True)
    count = int(group.max()) + 1
    rng = np.random.default_rng(seed)
    for _ in range(repeats):
        yield rng.multinomial(count, np.full(count, 1 / count)).astype(np.float64)[group]


def without_bias(figures: Sequence[float] | NDArray[np.float64], figure: float) -> NDArray[np.float64]:
    """Return the draws' figures moved so that their mean is the figure of the songs themselves.

    A draw holds songs twice, and a positive song is ranked beside its copy: average precision of a label with few
    positives is higher in draws than it was, by more than its interval is wide. The difference is the bootstrap's
    estimate of bias (Efron, Tibshirani, 1993, chapter 10). Without it, an interval tells how far the figure would move
    with as many other songs.

    Args:
        figures: of the draws; NaN stays.
        figure: of the songs as they are.
    """
    drawn = np.asarray(figures, np.float64)
    known = drawn[np.isfinite(drawn)]
    return drawn - (known.mean() - figure) if len(known) else drawn


def interval(figures: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles of the draws' figures; NaN where no draw has the figure.

    A draw in which a label has no positive song, or all ratings are the same, may have no figure (NaN): it is left out.
    Source: Efron, Tibshirani, An introduction to the bootstrap, 1993, chapter 13.
    """
    known = np.asarray(figures, np.float64)
    known = known[np.isfinite(known)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (float("nan"), float("nan"))
    return float(low), float(high)


def p_value(differences: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the two-sided p of the hypothesis that two systems are equally good, from paired draws; 0 excluded, ≤ 1.

    Twice the smaller of the shares of draws in which the difference is not above 0 and not below 0: about the level at
    which the percentile interval of the difference begins to hold 0. One is added to both counts, so that p is never 0.
    Sources: paired bootstrap, Koehn, Statistical significance tests for machine translation evaluation, 2004; adding
    one, Davison, Hinkley, Bootstrap methods and their application, 1997, section 4.2.

    Args:
        differences: the second system's figure subtracted from the first's, in each draw; NaN is left out.
    """
    known = np.asarray(differences, np.float64)
    known = known[np.isfinite(known)]
    smaller = min(np.count_nonzero(known <= 0), np.count_nonzero(known >= 0))
    return min(1.0, 2 * (smaller + 1) / (len(known) + 1)) if len(known) else float("nan")
