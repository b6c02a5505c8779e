"""Batches: random windows of songs, composed by groups of data sets, each step a pure function of (seed, step).

Nothing is remembered between steps, so a resumed run sees exactly the batches that an uninterrupted one would.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from train.cache import BANDS, Pack
from train.datasets.song import Song

PATCH = 187


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """Some of a batch's songs: how many, from which data sets, and how many windows of each."""

    datasets: tuple[str, ...]
    songs: int
    windows: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """Windows before augmentation.

    Attributes:
        levels: shape (n, 187, 96), float32, log10(10000 x + 0.0001).
        songs: shape (n,), index of each window's song.
        groups: shape (n,), index of each window's group.
    """

    levels: NDArray[np.float32]
    songs: NDArray[np.int64]
    groups: NDArray[np.int64]


class Batches:
    """Draws batches from prepared packs.

    Args:
        songs: all songs; only those of the training split are drawn.
        cache: folder that train.prepare filled.
        groups: what a batch is made of.
        seed: of the run.
        degraded: share of windows taken from degraded versions, where there are any.
        first_frames: windows are drawn from this many frames at the beginning of a song; None for all.
    """

    def __init__(
        self,
        songs: Sequence[Song],
        cache: Path,
        groups: Sequence[Group],
        *,
        seed: int,
        degraded: float = 0.0,
        first_frames: int | None = None,
    ) -> None:
        self._keys = [song.key for song in songs]
        self._groups = groups
        self._degraded = degraded
        self._seed = seed
        self._first = first_frames
        self._clean = Pack(cache / "clean")
        self._negative = Pack(cache / "negative")
        self._versions = [Pack(path.with_suffix("")) for path in sorted(cache.glob("degraded*.index"))]
        self._members = [
            np.array([i for i, s in enumerate(songs) if s.split == "train" and s.dataset in group.datasets])
            for group in groups
        ]
        for group, members in zip(groups, self._members, strict=True):
            if not len(members):
                raise ValueError(f"no prepared training song for the data sets {', '.join(group.datasets)}")

    def __getitem__(self, step: int) -> Batch:
        """Return the batch of a step, the same whenever it is asked for."""
        rng = np.random.default_rng([self._seed, step])
        songs: list[int] = []
        groups: list[int] = []
        for number, group in enumerate(self._groups):
            drawn = self._songs_of(number, step)
            songs.extend(np.repeat(drawn, group.windows))
            groups.extend([number] * (len(drawn) * group.windows))
        levels = np.stack([self._window(self._keys[song], rng) for song in songs]).astype(np.float32)
        return Batch(levels, np.array(songs), np.array(groups))

    def _songs_of(self, number: int, step: int) -> NDArray[np.int64]:
        """Return a step's songs of one group: every song once per pass, each pass in its own order."""
        members, count = self._members[number], self._groups[number].songs
        places = np.arange(step * count, (step + 1) * count)
        orders: Mapping[int, NDArray[np.int64]] = {
            epoch: np.random.default_rng([self._seed, number, epoch, 1]).permutation(members)
            for epoch in np.unique(places // len(members))
        }
        return np.array([orders[place // len(members)][place % len(members)] for place in places])

    def _window(self, key: str, rng: np.random.Generator) -> NDArray[np.float16]:
        pack = self._negative if key.startswith("negative/") else self._clean
        if self._versions and rng.random() < self._degraded:
            version = self._versions[rng.integers(len(self._versions))]
            pack = version if key in version else pack
        levels = pack[key]
        end = min(len(levels), self._first or len(levels))
        begin = int(rng.integers(max(1, end - PATCH + 1)))
        window = levels[begin : begin + PATCH]
        if window.shape != (PATCH, BANDS):
            raise ValueError(f"{key} is shorter than one window")
        return window
