"""The figures the project is judged by, from song scores of the nine moods.

figures = mood_figures(songs, scores)      # {"4Q accuracy": 0.71, …}
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from train.data.song import EMOTIONS, MOODS, POSITIVE_RATE, Song
from train.figures.bootstrap import bootstrap
from train.figures.exclusive import accuracy
from train.figures.plane import correlation, valence_arousal
from train.figures.ranking import macro_pr_auc, macro_roc_auc

EMOTION_COLUMNS = [MOODS.index(name) for name in EMOTIONS]


def annotated(songs: Sequence[Song]) -> dict[str, NDArray[np.int64]]:
    """Return the indices of the songs with quadrants, with emotions and with ratings."""
    return {
        "quadrant": np.array([i for i, s in enumerate(songs) if s.quadrant is not None], int),
        "emotions": np.array([i for i, s in enumerate(songs) if s.emotions is not None], int),
        "ratings": np.array([i for i, s in enumerate(songs) if s.ratings is not None], int),
    }


def truths(songs: Sequence[Song]) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]:
    """Return (quadrants, positive emotions (n, 8), ratings (n, 2)) of the songs that have them, in order."""
    where = annotated(songs)
    quadrants = np.array([songs[i].quadrant for i in where["quadrant"]], int)
    rates = np.array([songs[i].emotions for i in where["emotions"]], float).reshape(-1, len(EMOTIONS))
    ratings = np.array([songs[i].ratings for i in where["ratings"]], float).reshape(-1, 2)
    return quadrants, rates >= POSITIVE_RATE, ratings


def mood_figures(
    songs: Sequence[Song], scores: NDArray[np.floating], draws: int = 0
) -> dict[str, tuple[float, float, float]]:
    """Return each figure with its 95 % interval by song (NaN without draws).

    Args:
        songs: whose scores these are.
        scores: shape (songs, 9), in the order of MOODS.
        draws: how many times the songs are drawn anew for the interval.
    """
    where = annotated(songs)
    quadrants, emotions, ratings = truths(songs)
    plane = scores[where["ratings"]][:, :4]
    fours, eights = scores[where["quadrant"]][:, :4], scores[where["emotions"]][:, EMOTION_COLUMNS]
    one_hot = np.eye(4, dtype=bool)[quadrants]
    measures = {
        "4Q accuracy": (accuracy, (fours, quadrants)),
        "4Q PR-AUC": (macro_pr_auc, (fours, one_hot)),
        "4Q ROC-AUC": (macro_roc_auc, (fours, one_hot)),
        "Emotify PR-AUC": (macro_pr_auc, (eights, emotions)),
        "Emotify ROC-AUC": (macro_roc_auc, (eights, emotions)),
        "valence r": (lambda p, r: correlation(valence_arousal(p)[0], r[:, 0]), (plane, ratings)),
        "arousal r": (lambda p, r: correlation(valence_arousal(p)[1], r[:, 1]), (plane, ratings)),
    }
    figures = {}
    for name, (measure, arrays) in measures.items():
        if len(arrays[0]) < 2:
            continue
        low, high = bootstrap(measure, arrays, draws) if draws else (float("nan"), float("nan"))
        figures[name] = (measure(*arrays), low, high)
    return figures


def selection_score(figures: dict[str, tuple[float, float, float]]) -> float:
    """Return one number to choose by: the mean of the PR-AUCs and correlations that there are."""
    names = ("4Q PR-AUC", "Emotify PR-AUC", "valence r", "arousal r")
    known = [figures[name][0] for name in names if name in figures and np.isfinite(figures[name][0])]
    return float(np.mean(known)) if known else 0.0


def calibration_pairs(
    songs: Sequence[Song], scores: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return probabilities and outcomes of all annotated (song, mood) pairs: 4 of a 4Q clip, 8 of an Emotify song."""
    where = annotated(songs)
    quadrants, emotions, _ = truths(songs)
    fours, eights = scores[where["quadrant"]][:, :4], scores[where["emotions"]][:, EMOTION_COLUMNS]
    probabilities = np.concatenate([fours.ravel(), eights.ravel()]).astype(np.float64)
    return probabilities, np.concatenate([np.eye(4, dtype=bool)[quadrants].ravel(), emotions.ravel()])
