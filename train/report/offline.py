"""Songs' scores, offline: the whole file decoded, its mel frames cut into windows, their probabilities averaged.

    for path, outcome in score_offline(candidate, paths, jobs=2): ...

This is the way of the papers, and shares nothing with the live side but the front-end and the model: that both give
the same is what ``--path streaming`` shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.contract import ModelError
from model.mel import melspectrogram
from train.audio import AudioError, read_audio
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
    if not len(windows):
        return ALL_SILENT
    step = max(1, _FRAMES_AT_ONCE // frontend.patch)
    answers = np.concatenate([candidate.predict(windows[i : i + step]) for i in range(0, len(windows), step)])
    if not np.isfinite(answers).all():
        return "the model answers with numbers that are not finite"
    mean = np.clip(answers.mean(axis=0, dtype=np.float64), 0.0, 1.0)
    return Score(tuple(mean.tolist()), len(windows))
