"""Songs' scores, offline: the whole file decoded, its mel frames cut into windows, their probabilities averaged.

    for path, outcome in score_offline(candidate, paths, jobs=2): ...

This is the way of the papers, and shares nothing with the live side but the front-end and the model: that both give
the same is what ``--path streaming`` shows. Where there is no audio, ready-made mels stand for it, as in train.prepare.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.contract import ModelError
from model.frontend import MTG_JAMENDO
from model.mel import melspectrogram
from train.data.audio import AudioError, read_audio
from train.data.extract import song_levels
from train.data.features import same_frames, to_frames
from train.data.manifest import Entry
from train.report.candidate import Candidate
from train.report.score import ALL_SILENT, SILENCE_DBFS, Outcome, Score, too_short

_FRAMES_AT_ONCE = 8 * 187
"""Of windows that are predicted together: bounds the memory that a long song takes."""


def score_offline(candidate: Candidate, paths: Sequence[Path], jobs: int) -> Iterator[tuple[Path, Outcome]]:
    """Yield each file's outcome as it comes, ``jobs`` files side by side."""
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(score_file, candidate, path): path for path in paths}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def score_file(candidate: Candidate, path: Path) -> Outcome:
    """Return one file's score, or why it has none."""
    if not path.is_file():
        return "a folder, not a file" if path.is_dir() else "no such file"
    try:
        if path.suffix == ".npy":
            return score_ready_made(candidate, path)
        samples = read_audio(path, candidate.frontend.samplerate)
        return score_samples(candidate, samples)
    except AudioError as error:
        return f"cannot be decoded: {error}"
    except ModelError as error:
        return str(error)


def score_samples(candidate: Candidate, samples: NDArray[np.float32]) -> Outcome:
    """Return the score of mono samples at the front-end's rate, shape (n,), or why they have none."""
    frontend = candidate.frontend
    # The frames over the zeros after the end are left out: no window is padded to be full.
    frames = melspectrogram(samples, frontend)[: len(samples) // frontend.hop]
    count = len(frames) // frontend.patch
    if not count:
        needed = frontend.window_samples / frontend.samplerate
        return too_short(len(samples) / frontend.samplerate, needed)
    windows = frames[: count * frontend.patch].reshape(count, frontend.patch, frontend.n_mels)
    blocks = samples[: count * frontend.window_samples].reshape(count, -1)
    power = np.einsum("ij,ij->i", blocks, blocks, dtype=np.float64) / frontend.window_samples
    windows = windows[power >= 10.0 ** (SILENCE_DBFS / 10.0)]
    return _score(candidate, windows) if len(windows) else ALL_SILENT


def score_ready_made(candidate: Candidate, path: Path) -> Outcome:
    """Return the score of a file of ready-made mels (train.extract), or why they have none; silence counts, too."""
    frontend = candidate.frontend
    if not same_frames(frontend, MTG_JAMENDO):
        return "ready-made mels, which are of another front-end than the model's"
    levels = song_levels(Entry(path.name, path), Path(), frontend)
    if isinstance(levels, str):
        return levels
    count = len(levels) // frontend.patch
    if not count:
        return too_short(len(levels) / frontend.frames_per_second, frontend.patch / frontend.frames_per_second)
    frames = to_frames(levels[: count * frontend.patch], frontend.compression)
    return _score(candidate, frames.reshape(count, frontend.patch, frontend.n_mels))


def _score(candidate: Candidate, windows: NDArray[np.float32]) -> Outcome:
    """Return the mean over windows, shape (n, patch, n_mels)."""
    frontend = candidate.frontend
    step = max(1, _FRAMES_AT_ONCE // frontend.patch)
    answers = np.concatenate([candidate.predict(windows[i : i + step]) for i in range(0, len(windows), step)])
    if not np.isfinite(answers).all():
        return "the model answers with numbers that are not finite"
    mean = np.clip(answers.mean(axis=0, dtype=np.float64), 0.0, 1.0)
    return Score(tuple(mean.tolist()), len(windows))
