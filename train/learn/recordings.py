"""Real music to try a model on: some songs to calibrate with, others to measure on.

    recordings = from_cache(Path("cache"), model.info.frontend)        # what train.prepare made, with labels
    recordings = from_music(Path("music"), model.info.frontend)        # any folder of sound files
    for windows in recordings.windows(recordings.calibration, each=1): ...

Frames must come from the model's own front-end: prepared data of another one are refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.frontend import FrontEnd
from model.mel import melspectrogram
from train.common.console import say
from train.data.audio import AudioError, read_audio
from train.data.features import (
    DESCRIPTION,
    FeatureError,
    Features,
    Pack,
    difference,
    load_songs,
    same_frames,
    to_frames,
)
from train.data.song import MOODS
from train.learn.scoring import EMOTION_COLUMNS, annotated, truths

SOUNDS = frozenset(
    (".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".wav", ".webm", ".wma")
)
"""Endings of sound files, by which a folder is searched."""


@dataclasses.dataclass(frozen=True, slots=True)
class Truth:
    """What is known of the held-out songs.

    Attributes:
        labels: names of the columns.
        positive: shape (songs, labels): the song has the label.
        known: shape (songs, labels): somebody has said whether it does.
    """

    labels: tuple[str, ...]
    positive: NDArray[np.bool_]
    known: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True)
class Recordings:
    """Songs in two parts that share none.

    Attributes:
        calibration: names of the songs that may be looked at.
        held_out: names of the songs to measure on.
        frames: gives a song's frames, shape (frames, n_mels); none where it cannot be decoded.
        patch: frames in a window.
        truth: of the held-out songs, None where nothing is known.
    """

    calibration: tuple[str, ...]
    held_out: tuple[str, ...]
    frames: Callable[[str], NDArray[np.float32]]
    patch: int
    truth: Truth | None = None

    def windows(self, names: Sequence[str], each: int | None = None) -> Iterator[NDArray[np.float32]]:
        """Yield the windows of each song, shape (windows, patch, n_mels), one song at a time; shape (0, …) if short.

        Args:
            names: of the songs.
            each: only so many windows of a song, from its middle; None for all, one after another without overlap.
        """
        for name in names:
            frames = self.frames(name)
            count = len(frames) // self.patch
            taken = count if each is None else min(each, count)
            begin = (len(frames) - taken * self.patch) // 2 if each is not None else 0
            part = frames[begin : begin + taken * self.patch]
            yield np.ascontiguousarray(part, np.float32).reshape(taken, self.patch, -1 if taken else frames.shape[1])


def from_cache(folder: Path, frontend: FrontEnd) -> Recordings:
    """Return what ``train.prepare`` made, with ``--music`` or with ``--dataset``.

    The training songs calibrate, the others are held out; songs without a split are dealt in turn.

    Raises:
        FeatureError: the frames are those of another front-end, or damaged.
        FileNotFoundError: nothing is prepared there.
    """
    described = (folder / DESCRIPTION).is_file()
    features = Features.open(folder) if described else None
    made = features.frontend if features else FrontEnd()
    if not same_frames(made, frontend):
        raise FeatureError(
            f"{folder} was prepared with another front-end than the model's (here and there): "
            f"{difference(made, frontend)}"
        )
    return _from_songs(folder, frontend) if features is None else _from_features(features, frontend)


def held_out_windows(folder: Path, frontend: FrontEnd, songs: int = 50, each: int = 4) -> list[NDArray[np.float32]]:
    """Return some windows of prepared songs that were not for training, for a check: a batch (n, patch, n_mels) a song.

    Args:
        folder: of ``train.prepare``.
        frontend: of the model.
        songs: at most so many, evenly spread.
        each: at most so many windows of a song.

    Raises:
        FeatureError, FileNotFoundError: as ``from_cache``.
    """
    recordings = from_cache(folder, frontend)
    names = [recordings.held_out[number] for number in spread(len(recordings.held_out), songs)]
    return [windows for windows in recordings.windows(names, each) if len(windows)]


def spread(count: int, most: int) -> list[int]:
    """Return at most ``most`` of the numbers below ``count``, evenly spread."""
    return list(range(count)) if count <= most else [int(number) for number in np.linspace(0, count - 1, most)]


def from_music(folder: Path, frontend: FrontEnd) -> Recordings:
    """Return the sound files in a folder and the folders in it, every second one held out; nothing is known of them.

    Raises:
        FileNotFoundError: there are fewer than two.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUNDS and path.is_file())
    if len(files) < 2:
        raise FileNotFoundError(f"{len(files)} sound files in {folder}: at least two are needed, better a hundred")

    def frames(name: str) -> NDArray[np.float32]:
        try:
            return melspectrogram(read_audio(folder / name, frontend.samplerate), frontend)
        except AudioError as error:
            say(f"skipped: {error}")
            return np.zeros((0, frontend.n_mels), np.float32)

    names = [str(path.relative_to(folder)) for path in files]
    return Recordings(tuple(names[::2]), tuple(names[1::2]), frames, frontend.patch)


def _from_songs(folder: Path, frontend: FrontEnd) -> Recordings:
    songs = load_songs(folder)
    pack = Pack(folder / "clean")
    held_out = [song for song in songs if song.split != "train"]
    positive, known = np.zeros((2, len(held_out), len(MOODS)), bool)
    where = annotated(held_out)
    quadrants, emotions, _ = truths(held_out)
    for columns, rows, values in (
        (list(range(4)), where["quadrant"], np.eye(4, dtype=bool)[quadrants]),
        (EMOTION_COLUMNS, where["emotions"], emotions),
    ):
        positive[np.ix_(rows, columns)], known[np.ix_(rows, columns)] = values, True
    return Recordings(
        tuple(song.key for song in songs if song.split == "train"),
        tuple(song.key for song in held_out),
        lambda key: to_frames(pack[key], frontend.compression),
        frontend.patch,
        Truth(MOODS, positive, known),
    )


def _from_features(features: Features, frontend: FrontEnd) -> Recordings:
    manifest = features.manifest
    in_turn = np.arange(len(manifest)) % 2 == 1
    held_out = np.array([turn if entry.split is None else entry.split != "train"
                         for entry, turn in zip(manifest.entries, in_turn, strict=True)], bool)  # fmt: skip
    others = manifest.where(held_out)
    columns = [number for number, name in enumerate(manifest.labels) if name not in manifest.ratings]
    return Recordings(
        tuple(entry.id for entry in manifest.where(~held_out).entries),
        tuple(entry.id for entry in others.entries),
        lambda key: to_frames(features[key], frontend.compression),
        frontend.patch,
        Truth(
            tuple(manifest.labels[number] for number in columns),
            others.positives()[:, columns],
            ~np.isnan(others.rates[:, columns]),
        ),
    )
