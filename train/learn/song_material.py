"""The default model's four data sets as what a run learns from, and the figures the model is judged by.

material = song_material(Path("cache"))
"""

from __future__ import annotations

import collections
from collections import ChainMap
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from model.circumplex import AROUSAL_SIGNS, VALENCE_SIGNS
from model.frontend import FrontEnd
from train.data.features import Pack, load_songs, negatives
from train.data.song import EMOTIONS, MOODS, POSITIVE_RATE, QUADRANTS, Song
from train.learn.losses import Loss
from train.learn.material import Head, Judgement, Material
from train.learn.scoring import mood_figures, mood_predictor, score_songs, selection_score

FIRST_YEAR, BUCKET_YEARS, BUCKETS = 1970, 5, 9
TOP_ARTISTS = 50
PLANE_SCALE = 0.7
MIN_TAG, MIN_GENRE, MIN_FEEL = 12, 8, 8


def build_targets(name: str, songs: Sequence[Song]) -> Head:
    """Return the targets called ``name`` for these songs.

    Raises:
        ValueError: for a name that does not exist.
    """
    if name not in TARGETS:
        raise ValueError(f"no targets are called {name}; there are {', '.join(TARGETS)}")
    return TARGETS[name](songs)


_STEEPNESS = 2.0

FEELS: dict[str, tuple[float | None, float | None]] = {
    "Action": (None, 1.2),
    "Aggressive": (-0.8, 1.3),
    "Bouncy": (1.0, 0.7),
    "Bright": (1.0, 0.3),
    "Calming": (0.5, -1.3),
    "Dark": (-1.2, None),
    "Driving": (None, 1.1),
    "Eerie": (-1.2, -0.5),
    "Epic": (0.2, 1.0),
    "Grooving": (0.6, 0.6),
    "Humorous": (0.9, 0.5),
    "Intense": (-0.5, 1.1),
    "Mysterious": (-0.7, -0.4),
    "Mystical": (-0.1, -0.7),
    "Relaxed": (0.6, -1.1),
    "Somber": (-1.1, -1.0),
    "Suspenseful": (-1.0, 0.2),
    "Unnerving": (-1.4, 0.2),
    "Uplifting": (1.2, 0.4),
}
"""Our reading of incompetech's tags on Russell's plane, in standard deviations of ratings; None says nothing."""


def quadrant(songs: Sequence[Song]) -> Head:
    """Quadrants as one of four (4Q)."""
    return _from_rows(QUADRANTS, [None if s.quadrant is None else np.eye(4)[s.quadrant] for s in songs])


def quadrant_or_rating(songs: Sequence[Song]) -> Head:
    """Quadrants as one of four: 4Q's, and those that a rated song's valence and arousal make likely."""
    rated = rating(songs)
    rows = []
    for song, values in zip(songs, rated.targets, strict=True):
        row = None
        if song.quadrant is not None:
            row = np.eye(4)[song.quadrant]
        elif song.ratings is not None:
            row = _sigmoid(_STEEPNESS * values[0] * np.array(VALENCE_SIGNS)) * _sigmoid(
                _STEEPNESS * values[1] * np.array(AROUSAL_SIGNS)
            )
        rows.append(row)
    return _from_rows(QUADRANTS, rows)


def emotion(songs: Sequence[Song]) -> Head:
    """Emotify's emotions, softened around the rate from which they count: sigma(12 (rate - 0.3))."""
    rows = [None if s.emotions is None else _sigmoid(12 * (np.array(s.emotions) - POSITIVE_RATE)) for s in songs]
    return _from_rows(EMOTIONS, rows)


def rating(songs: Sequence[Song]) -> Head:
    """Valence and arousal, standardised over the rated training songs."""
    known = np.array([s.ratings for s in songs if s.ratings is not None and s.split == "train"] or [(3.0, 3.0)])
    mean, deviation = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-6)
    rows = [None if s.ratings is None else (np.array(s.ratings) - mean) / deviation for s in songs]
    return _from_rows(("valence", "arousal"), rows)


def rating_or_feel(songs: Sequence[Song]) -> Head:
    """Valence and arousal: ratings, and our reading of incompetech's tags."""
    head = rating(songs)
    for number, song in enumerate(songs):
        for axis in range(2):
            read = [v for v in (FEELS.get(name, (None, None))[axis] for name in song.feels or ()) if v is not None]
            if read:
                head.targets[number, axis], head.mask[number, axis] = np.mean(read), 1
    return head


def plane(songs: Sequence[Song]) -> Head:
    """Ratings as targets of the quadrants' own valence and arousal, which lie within -1…1."""
    head = rating(songs)
    return Head(head.labels, head.targets * PLANE_SCALE, head.mask)


def presence(songs: Sequence[Song]) -> Head:
    """Whether there is music at all."""
    return _from_rows(("music",), [np.array([float(s.dataset != "negative")]) for s in songs])


def mood(songs: Sequence[Song]) -> Head:
    """The nine moods as yes or no: quadrants from 4Q, emotions from Emotify at a rate of 0.3; the rest unknown."""
    targets = np.zeros((len(songs), len(MOODS)), np.float32)
    mask = np.zeros_like(targets)
    for row, song in enumerate(songs):
        if song.quadrant is not None:
            mask[row, :4] = 1
            targets[row, song.quadrant] = 1
        if song.emotions is not None:
            for name, rate in zip(EMOTIONS, song.emotions, strict=True):
                column = MOODS.index(name)
                mask[row, column] = 1
                targets[row, column] = rate >= POSITIVE_RATE
    return Head(MOODS, targets, mask)


def tag(songs: Sequence[Song]) -> Head:
    """AllMusic mood tags that at least 12 training clips carry."""
    return _multi_hot(songs, [s.tags for s in songs], MIN_TAG)


def genre(songs: Sequence[Song]) -> Head:
    """Genres, each data set with its own vocabulary; unknown for the songs of other data sets."""
    rows = [None if s.genres is None else tuple(f"{s.dataset}: {g}" for g in s.genres) for s in songs]
    head = _multi_hot(songs, rows, MIN_GENRE)
    for column, label in enumerate(head.labels):
        head.mask[:, column] *= [s.dataset == label.split(":")[0] for s in songs]
    return head


def feel(songs: Sequence[Song]) -> Head:
    """The composer's tags of incompetech."""
    return _multi_hot(songs, [s.feels for s in songs], MIN_FEEL)


def artist(songs: Sequence[Song]) -> Head:
    """The 50 artists with most training songs; a song by someone else is by none of them."""
    counts = collections.Counter(s.artist for s in songs if s.split == "train" and s.artist)
    top = tuple(sorted(name for name, _ in counts.most_common(TOP_ARTISTS)))
    return _from_rows(top, [np.array([s.artist == name for name in top], float) if s.artist else None for s in songs])


def year(songs: Sequence[Song]) -> Head:
    """Nine buckets of five years, 1970 to 2014; other years and missing ones are unknown."""
    labels = tuple(f"{FIRST_YEAR + i * BUCKET_YEARS}–{FIRST_YEAR + (i + 1) * BUCKET_YEARS - 1}" for i in range(BUCKETS))
    rows = []
    for song in songs:
        bucket = -1 if song.year is None else (song.year - FIRST_YEAR) // BUCKET_YEARS
        rows.append(np.eye(BUCKETS)[bucket] if 0 <= bucket < BUCKETS else None)
    return _from_rows(labels, rows)


TARGETS: dict[str, Callable[[Sequence[Song]], Head]] = {
    "mood": mood,
    "quadrant": quadrant,
    "quadrant_or_rating": quadrant_or_rating,
    "emotion": emotion,
    "rating": rating,
    "rating_or_feel": rating_or_feel,
    "plane": plane,
    "presence": presence,
    "tag": tag,
    "genre": genre,
    "feel": feel,
    "artist": artist,
    "year": year,
}


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 / (1.0 + np.exp(-values))


def _from_rows(labels: tuple[str, ...], rows: Sequence[NDArray[np.float64] | None]) -> Head:
    targets = np.zeros((len(rows), len(labels)), np.float32)
    mask = np.zeros_like(targets)
    for number, row in enumerate(rows):
        if row is not None:
            targets[number], mask[number] = row, 1
    return Head(labels, targets, mask)


def _multi_hot(songs: Sequence[Song], rows: Sequence[tuple[str, ...] | None], least: int) -> Head:
    counts: collections.Counter[str] = collections.Counter()
    for song, names in zip(songs, rows, strict=True):
        if names is not None and song.split == "train":
            counts.update(names)
    labels = tuple(sorted(name for name, count in counts.items() if count >= least))
    hot = [None if names is None else np.array([label in names for label in labels], float) for names in rows]
    return _from_rows(labels, hot)


FIGURES = ("4Q accuracy", "4Q PR-AUC", "Emotify PR-AUC", "valence r", "arousal r")


def song_material(cache: Path) -> Material:
    """Return what ``python -m train.prepare --music`` made; raises FileNotFoundError if it did not."""
    songs = [*load_songs(cache), *negatives(cache)]
    clean = Pack(cache / "clean")
    validation = [song for song in songs if song.split == "validation"]

    def head(name: str, loss: Loss) -> Head:
        del loss
        return build_targets(name, songs)

    return Material(
        songs=songs,
        frontend=FrontEnd(),
        clean=ChainMap({k: clean[k] for k in clean}, {k: v[k] for v in [Pack(cache / "negative")] for k in v}),
        degraded=[Pack(path.with_suffix("")) for path in sorted(cache.glob("degraded*.index"))],
        head=head,
        judge=lambda network: judge(network, validation, clean),
        description={"data": sorted({song.dataset for song in songs})},
    )


def judge(network: nn.Module, validation: Sequence[Song], clean: Pack) -> Judgement:
    """Return the project's figures on the validation songs."""
    found = mood_figures(validation, score_songs(mood_predictor(network), validation, clean))
    return Judgement({name: found[name][0] for name in FIGURES if name in found}, selection_score(found))
