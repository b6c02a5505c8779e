"""How a model behaves where it was not trained: other levels, degraded songs, sound that is not music.

confident = not_music(predict)      # {"speech": array of the highest probability of each window, …}
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.mel import melspectrogram
from train.data.features import DEGRADED, Pack
from train.data.negatives import validation_negatives
from train.data.song import Song
from train.learn.scoring import PATCH, Predict, mood_figures, score_songs


def not_music(predict: Predict) -> dict[str, NDArray[np.float64]]:
    """Return the highest probability of each window of held-out silence, noise, hum and speech, by kind."""
    found = {}
    for kind, sounds in validation_negatives().items():
        highest = []
        for samples in sounds:
            frames = melspectrogram(samples)
            count = len(frames) // PATCH
            highest.append(predict(frames[: count * PATCH].reshape(count, PATCH, -1)).max(axis=1))
        found[kind] = np.concatenate(highest).astype(np.float64)
    return found


def at_levels(
    predict: Predict, songs: Sequence[Song], cache: Path, gains_db: Sequence[float] = (-12.0, 12.0)
) -> dict[str, dict[str, float]]:
    """Return the figures of the songs played at other levels, by level."""
    pack = Pack(cache / "clean")
    figures = {}
    for gain in gains_db:
        found = mood_figures(songs, score_songs(predict, songs, pack, gain))
        figures[f"{gain:+.0f} dB"] = {name: values[0] for name, values in found.items()}
    return figures


def when_degraded(predict: Predict, songs: Sequence[Song], cache: Path) -> dict[str, float]:
    """Return the figures of degraded versions of the songs; empty if none were prepared."""
    if not (cache / f"{DEGRADED}.index").is_file():
        return {}
    pack = Pack(cache / DEGRADED)
    there = [song for song in songs if song.key in pack]
    return {name: values[0] for name, values in mood_figures(there, score_songs(predict, there, pack)).items()}
