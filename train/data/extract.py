"""Compute the features of a manifest's songs into a folder: in parallel, resumable, in shards.

    python -m train.prepare --dataset csv --annotations songs.csv --cache cache/mine
    python -m train.prepare --dataset csv --annotations songs.csv --cache cache/mine --shard 2/4    # on four machines

Ready-made mels (``.npy`` files of shape (bands, frames), as MTG-Jamendo offers them) are taken where the manifest names
them, or where one lies in the place of an audio file that is missing. A song that is prepared is not computed again,
unless its file is another by size or time, be it replaced or in another folder (--audio).
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import signal
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.files import one_line, replaced
from model.frontend import MTG_JAMENDO, FrontEnd
from model.mel import melspectrogram
from train.common.lock import locked
from train.data import manifest as manifests
from train.data.audio import AudioError, located, read_audio
from train.data.features import (
    DESCRIPTION,
    MANIFEST,
    SONGS,
    Description,
    FeatureError,
    Mark,
    PackWriter,
    Shard,
    difference,
    same_frames,
    to_levels,
)
from train.data.manifest import Entry, Manifest
from train.data.table import AnnotationError

T = TypeVar("T")
R = TypeVar("R")


def computed(work: Callable[[T], R], items: Sequence[T], jobs: int, title: str) -> Iterable[tuple[T, R | AudioError]]:
    """Yield each item with its result, or the AudioError that ``work`` raised for it.

    They come in order, so that what is made of them is the same for any number of processes.

    Args:
        work: a function that can be sent to another process.
        items: what it takes.
        jobs: processes; 1 works in this one.
        title: of the progress bar.

    Raises:
        BrokenProcessPool: one of the processes was killed.
    """
    bar = functools.partial(tqdm, desc=title, total=len(items), unit="file", disable=not items)
    work = functools.partial(_attempt, work)
    if jobs == 1:
        yield from zip(items, bar(map(work, items)), strict=True)
        return
    # Ctrl-C reaches every process of a terminal; only this one has something to say about it.
    with ProcessPoolExecutor(jobs, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        yield from zip(items, bar(pool.map(work, items, chunksize=2)), strict=True)


def _attempt(work: Callable[[T], R], item: T) -> R | AudioError:
    try:
        return work(item)
    except AudioError as error:
        return error


FRONTENDS = {"moodstream": FrontEnd(), "mtg-jamendo": MTG_JAMENDO}
"""By the name that a user knows them by."""

GREATEST = 400.0
"""Beyond anything that MTG-Jamendo's mels can hold: they begin at -200, and a full-scale sine is near +40."""


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """What the frames of a manifest's songs are made of.

    Attributes:
        audio: the folder that the songs' paths are relative to.
        frontend: for the frames.
        how: the songs were split.
        seed: of the split.
    """

    audio: Path
    frontend: FrontEnd
    how: str = "given"
    seed: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Extracted:
    """What became of a shard's songs.

    Attributes:
        usable: songs that have features now.
        kept: those of them that had them before.
        changed: songs that were computed again, because their files are others now.
    """

    usable: int
    kept: int
    changed: int


def extract(manifest: Manifest, source: Source, folder: Path, shard: Shard, jobs: int) -> Extracted:
    """Add what is missing of one shard.

    Args:
        manifest: the songs.
        source: what their frames are made of.
        folder: to fill; songs that are in it already are not computed again, unless their files have changed.
        shard: which of the songs.
        jobs: processes.

    Raises:
        LockedError: another process computes this shard.
        FeatureError: the folder is another data set's or another front-end's, or damaged.
        OSError: a file cannot be written.
        BrokenProcessPool: a process was killed.
    """
    if (folder / SONGS).is_file():
        raise FeatureError(f"{folder} holds the default model's songs (--music): take another --cache")
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / f".{shard.name}.lock", "another train.prepare"):
        return _extract(manifest, source, folder, shard, jobs)


def _extract(manifest: Manifest, source: Source, folder: Path, shard: Shard, jobs: int) -> Extracted:
    _check_frontend(folder, source.frontend)
    _check_songs(manifest, folder)
    # What an earlier call could not read may be readable now, and until this one ends nobody knows.
    (folder / shard.skipped).unlink(missing_ok=True)
    _describe(manifest, source, folder, shard.count)
    entries = manifest.entries[shard.index - 1 :: shard.count]
    skipped: dict[str, str] = {}
    with _writer(folder / shard.name, source.frontend.n_mels) as pack:
        # A file that is changed from here on has another mark the next time.
        marks = {entry.id: _mark(song_file(entry, source.audio)) for entry in entries}
        changed = {entry.id for entry in entries if _differ(pack.done.get(entry.id), marks[entry.id])}
        todo = [entry for entry in entries if entry.id not in pack.done or entry.id in changed]
        work = functools.partial(song_levels, audio=source.audio, frontend=source.frontend)
        for entry, levels in computed(work, todo, jobs, shard.name):
            if isinstance(levels, AudioError):
                skipped[entry.id] = str(levels)
                if entry.id in changed:
                    pack.drop(entry.id)
            else:
                pack.append(entry.id, levels, marks[entry.id])
        usable = len(entries) - len(skipped)
    with replaced(folder / shard.skipped) as part, part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("song", "reason"), *sorted(skipped.items())])
    return Extracted(usable, len(entries) - len(todo), len(changed))


def song_file(entry: Entry, audio: Path) -> Path:
    """Return the file that a song's frames are made of: its audio, or ready-made mels; it need not be there."""
    path = audio / entry.path
    ready = path.with_suffix(".npy")
    path = located(path)
    return ready if path.suffix == ".npy" or (not path.is_file() and ready.is_file()) else path


def song_levels(entry: Entry, audio: Path, frontend: FrontEnd) -> NDArray[np.float16]:
    """Return a song's levels, shape (frames, bands); raises AudioError, which says in one line why there are none."""
    path = song_file(entry, audio)
    if path.suffix == ".npy":
        return _ready_made(path, frontend)
    if not path.is_file():
        raise AudioError(f"{entry.path}: no such file")
    samples = read_audio(path, frontend.samplerate)
    if len(samples) < frontend.n_fft:
        raise AudioError(f"{entry.path}: shorter than one frame")
    return to_levels(melspectrogram(samples, frontend), frontend.compression)


def _ready_made(path: Path, frontend: FrontEnd) -> NDArray[np.float16]:
    if not same_frames(frontend, MTG_JAMENDO):
        raise AudioError(f"{path.name}: ready-made mels are of the front-end mtg-jamendo (--frontend mtg-jamendo)")
    try:
        frames = np.load(path, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise AudioError(f"{path.name}: {one_line(error)}") from None
    if not isinstance(frames, np.ndarray):
        raise AudioError(f"{path.name}: an archive, no array")
    bands = (*frames.shape, 0)[0]
    if frames.ndim != 2 or bands != frontend.n_mels or not frames.size or not np.issubdtype(frames.dtype, np.floating):
        raise AudioError(
            f"{path.name}: {frames.dtype} of shape {frames.shape}, mels of shape ({frontend.n_mels}, frames) are needed"
        )
    if not (np.abs(frames) <= GREATEST).all():
        raise AudioError(f"{path.name}: values that are not finite, or beyond ±{GREATEST:.0f}: no mels in decibels")
    return to_levels(np.asarray(frames.T, np.float32), frontend.compression)


def _mark(path: Path) -> Mark | None:
    """Return a file's mark, None if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, int(found.st_mtime)


def _differ(before: Mark | None, now: Mark | None) -> bool:
    """Tell whether a file is another one; where one of the marks is unknown, nobody can say."""
    return before is not None and now is not None and before != now


def _writer(path: Path, bands: int) -> PackWriter:
    try:
        return PackWriter(path, bands)
    except ValueError as error:
        raise FeatureError(str(error)) from None


def _describe(manifest: Manifest, source: Source, folder: Path, shards: int) -> None:
    """Write what the folder holds."""
    audio = source.audio.absolute()
    rate = manifest.positive_rate
    description = Description(manifest.dataset, rate, source.frontend, audio, source.how, source.seed, shards)
    # Several shards may do this at the same time, on several machines: each has files of its own until they are whole.
    with tempfile.TemporaryDirectory(prefix=".describing-", dir=folder) as own:
        description.write(Path(own))
        manifests.write(manifest, Path(own) / MANIFEST)
        for name in (DESCRIPTION, MANIFEST):
            (Path(own) / name).replace(folder / name)


def _check_frontend(folder: Path, frontend: FrontEnd) -> None:
    """See that the folder's features, if any, are of this front-end."""
    if (folder / DESCRIPTION).is_file():
        there = Description.read(folder).frontend
        if not same_frames(there, frontend):
            raise FeatureError(f"{folder} holds features of another front-end: {difference(there, frontend)}")


def _check_songs(manifest: Manifest, folder: Path) -> None:
    """See that the folder is this data set's: other labels, splits or further songs are fine, other files are not."""
    if not (folder / MANIFEST).is_file():
        return
    try:
        there = {entry.id: entry.path for entry in manifests.read(folder / MANIFEST).entries}
    except AnnotationError as error:
        raise FeatureError(f"{error}: remove the folder and prepare again") from None
    other = next((e for e in manifest.entries if e.id in there and there[e.id] != e.path), None)
    if other or not any(entry.id in there for entry in manifest.entries):
        named = f" ({other.id} is {there[other.id]} there)" if other else ""
        raise FeatureError(f"{folder} holds another data set{named}: take another --cache, or remove the folder")
