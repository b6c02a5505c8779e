"""The songs that are judged: those of a split, with their scores where they have one, and why the others have none.

songs = choose(manifest, "test")                       # SongError for an empty split
outcomes = score_songs(candidate, songs, audio, journal, way, jobs=2)
audience = heard(songs, manifest)                      # artists, and how many of them training heard
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.contract import ModelError
from model.frontend import MTG_JAMENDO, FrontEnd
from model.mel import melspectrogram
from train.data.audio import AudioError, read_audio
from train.data.extract import song_file, song_levels
from train.data.features import same_frames, to_frames
from train.data.manifest import SPLITS, Entry, Manifest
from train.report.candidate import Candidate
from train.report.journal import ALL_SILENT, SILENCE_DBFS, Journal, Outcome, Score, too_short

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
    try:
        levels = song_levels(Entry(path.name, path), Path(), frontend)
    except AudioError as error:
        return str(error)
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


_FILES, _LETTERS = 500, 60_000
"""Most files, and letters in their names, of one process: a command line has a greatest length."""


class StreamingError(Exception):
    """The live side could not be run; the message is one line."""


def score_streaming(
    model: Path, candidate: Candidate, paths: Sequence[Path], jobs: int
) -> Iterator[tuple[Path, Outcome]]:
    """Yield each file's outcome as it comes, ``jobs`` files side by side.

    Args:
        model: the ONNX file.
        candidate: the same model.
        paths: of the files, all different.
        jobs: how many at a time.

    Raises:
        StreamingError: the live side ended before it had heard them all.
    """
    there = []
    for path in paths:
        if not path.is_file():
            yield path, "a folder, not a file" if path.is_dir() else "no such file"
        elif path.suffix == ".npy":
            yield path, "ready-made mels, which cannot be streamed: --path offline judges them"
        else:
            there.append(path)
    for batch in _batches(there):
        yield from _listen(model, candidate, batch, jobs)


def _batches(paths: Sequence[Path]) -> Iterator[list[Path]]:
    batch: list[Path] = []
    letters = 0
    for path in paths:
        if batch and (len(batch) == _FILES or letters > _LETTERS):
            yield batch
            batch, letters = [], 0
        batch.append(path)
        letters += len(str(path.absolute()))
    if batch:
        yield batch


def _listen(model: Path, candidate: Candidate, paths: Sequence[Path], jobs: int) -> Iterator[tuple[Path, Outcome]]:
    # Absolute, so that no name looks like an option; the live side calls each stream by the path it was given.
    waiting = {str(path.absolute()): path for path in paths}
    # A stop that reaches the live side makes it write the finals of the songs it was in the midst of. They would be the
    # last ones, at most one a job: so many are held back until it has ended well.
    held: deque[tuple[Path, Outcome]] = deque()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            _command(model, candidate.frontend, list(waiting), jobs),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={name: value for name, value in os.environ.items() if not name.startswith("MOODSTREAM_")},
            start_new_session=True,  # Ctrl-C is ours to handle
        )
        try:
            assert process.stdout is not None  # it is a pipe
            for line in process.stdout:
                if b'"type":"final"' in line:
                    record = json.loads(line)
                    held.append((waiting.pop(record["stream"]), _outcome(record, candidate)))
                if len(held) > jobs:
                    yield held.popleft()
            status = process.wait()
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        messages = _messages(log)
    if status not in (0, 1):
        said = f": {messages[-1]}" if messages else ""
        raise StreamingError(f"stream.listen ended with status {status}{said}")
    yield from held
    for stream, path in waiting.items():
        yield path, _reason(messages, stream)


def _command(model: Path, frontend: FrontEnd, streams: Sequence[str], jobs: int) -> list[str]:
    hop = frontend.window_samples / frontend.samplerate
    return [
        *(sys.executable, "-m", "stream.listen", "--model", str(model.absolute())),
        *("--hop-seconds", repr(hop), "--average", "mean", "--min-rms", repr(SILENCE_DBFS)),
        *("--output", "jsonl", "--log-format", "json", "--log-level", "error", "--jobs", str(min(jobs, 256))),
        *("--file", *streams),
    ]


def _outcome(record: dict[str, Any], candidate: Candidate) -> Outcome:
    if record["error"] is not None:
        return f"not heard to its end: {record['error']}"
    if record["status"] == "gap":
        return f"damaged: {record['gap_windows']} windows with sound missing"
    if record["running"] is None:
        if record["silent_windows"]:
            return ALL_SILENT
        frontend = candidate.frontend
        return too_short(record["end_s"] - record["start_s"], frontend.window_samples / frontend.samplerate)
    means = np.clip([record["running"][label] for label in candidate.labels], 0.0, 1.0)
    return Score(tuple(means.tolist()), record["windows"])


def _messages(log: IO[bytes]) -> list[str]:
    """Return what the live side logged: a JSON object a line, or a plain line where it failed before that."""
    log.seek(0)
    found = []
    for line in log.read().decode("utf-8", "replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            entry = line
        found.append(" ".join(str(entry.get("message", line) if isinstance(entry, dict) else entry).split()))
    return [line for line in found if line]


def _reason(messages: Sequence[str], stream: str) -> str:
    """Return the message about one file, without its path; of files whose names begin alike, the message of this."""
    about = [message for message in messages if stream in message]
    if not about:
        return "the live side had no record of it"
    message = min(about, key=len)
    return message.removeprefix(stream).lstrip(": ") or message


Way = Literal["offline", "streaming"]


class SongError(ValueError):
    """There is nothing to judge; the message is one line."""


def choose(manifest: Manifest, split: str) -> Manifest:
    """Return the songs of a split, or ``all``.

    Raises:
        SongError: there are none.
    """
    if split == "all":
        return manifest
    found = manifest.where(np.array([entry.split == split for entry in manifest.entries], bool))
    if len(found):
        return found
    counts = {name: sum(entry.split == name for entry in manifest.entries) for name in SPLITS}
    there = ", ".join(f"{count} in {name}" for name, count in counts.items() if count)
    has = f"it has {there}" if there else "it has no splits (--split all takes every song)"
    raise SongError(f"no song of {manifest.dataset} is in the split {split}: {has}")


def score_songs(
    candidate: Candidate, songs: Sequence[Entry], audio: Path, journal: Journal, way: Way, jobs: int
) -> dict[str, Outcome]:
    """Return what came of each song, by its id; what the journal has is not done again.

    Args:
        candidate: the model.
        songs: to score.
        audio: the folder that their paths are relative to.
        journal: takes every score as it comes.
        way: offline or through the stream.
        jobs: songs side by side.

    Raises:
        CandidateError: a run that cannot be exported for the stream.
        StreamingError: the live side could not be run.
        OSError: a score cannot be written.
    """
    outcomes: dict[str, Outcome] = {song.id: journal.scores[song.id] for song in songs if song.id in journal.scores}
    waiting: dict[Path, list[str]] = {}  # several songs of a manifest may be one file
    for song in songs:
        if song.id not in outcomes:
            waiting.setdefault(song_file(song, audio), []).append(song.id)
    with tqdm(total=len(songs), initial=len(outcomes), unit="song", desc=way, disable=None if waiting else True) as bar:
        for path, outcome in _scored(candidate, list(waiting), way, jobs):
            for song_id in waiting[path]:
                outcomes[song_id] = outcome
                if isinstance(outcome, Score):
                    journal.add(song_id, outcome)
                bar.update()
    return outcomes


def _scored(candidate: Candidate, paths: list[Path], way: Way, jobs: int) -> Iterator[tuple[Path, Outcome]]:
    if not paths:
        return
    if way == "offline":
        yield from score_offline(candidate, paths, jobs)
        return
    with candidate.onnx_file() as model:
        yield from score_streaming(model, candidate, paths, jobs)


@dataclasses.dataclass(frozen=True, slots=True)
class Audience:
    """Artists of the judged songs, and what the training split of the same manifest heard of them.

    Attributes:
        artists: of the judged songs.
        heard_artists: of these, in the training split, too.
        songs_of_heard: judged songs by these.
        songs_of_unknown: judged songs whose artist is not known.
        training_songs: judged songs that are in the training split themselves.
        trained: whether the manifest has a training split at all.
    """

    artists: int
    heard_artists: int
    songs_of_heard: int
    songs_of_unknown: int
    training_songs: int
    trained: bool


def heard(judged: Sequence[Entry], manifest: Manifest) -> Audience:
    """Count what training heard of the artists of the judged songs, by the manifest's split."""
    training = [entry for entry in manifest.entries if entry.split == "train"]
    trained = {entry.artist for entry in training if entry.artist}
    artists = {entry.artist for entry in judged if entry.artist}
    return Audience(
        artists=len(artists),
        heard_artists=len(artists & trained),
        songs_of_heard=sum(entry.artist in trained for entry in judged),
        songs_of_unknown=sum(not entry.artist for entry in judged),
        training_songs=sum(entry.split == "train" for entry in judged),
        trained=bool(training),
    )
