"""Batches: random windows of songs, composed by groups of data sets, each step a pure function of (seed, step).

Nothing is remembered between steps, so a resumed run sees exactly the batches that an uninterrupted one would.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from train.learn.material import Example, Material


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """Some of a batch's songs: how many, from which data sets (none named: from any), how many windows of each."""

    songs: int
    datasets: tuple[str, ...] = ()
    windows: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """How windows are taken from songs.

    Attributes:
        patch: frames in a window.
        first_frames: windows are drawn from this many frames at the beginning of a song; None for all.
        stretch: windows are drawn up to this share longer or shorter and brought to ``patch`` frames: music that is up
            to so much faster or slower.
    """

    patch: int
    first_frames: int | None = None
    stretch: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """Windows before augmentation.

    Attributes:
        levels: shape (n, patch, bands), float32, see train.levels.
        songs: shape (n,), index of each window's song.
        groups: shape (n,), index of each window's group.
    """

    levels: NDArray[np.float32]
    songs: NDArray[np.int64]
    groups: NDArray[np.int64]


class Batches:
    """Draws batches of the training songs.

    Args:
        material: the songs and their frames.
        groups: what a batch is made of.
        cut: how windows are taken.
        seed: of the run.
        degraded: share of windows taken from degraded versions, where there are any.

    Raises:
        ValueError: a group has no training song that is as long as a window.
    """

    def __init__(
        self, material: Material, groups: Sequence[Group], cut: Cut, *, seed: int, degraded: float = 0.0
    ) -> None:
        self._keys = [song.key for song in material.songs]
        self._groups = groups
        self._cut = cut
        self._degraded = degraded
        self._seed = seed
        self._material = material
        self._members = [
            np.array([i for i, s in enumerate(material.songs) if s.split == "train" and self._usable(s, group)], int)
            for group in groups
        ]
        for group, members in zip(groups, self._members, strict=True):
            if not len(members):
                named = f" for the data sets {', '.join(group.datasets)}" if group.datasets else ""
                raise ValueError(f"no prepared training song{named} that is as long as a window ({cut.patch} frames)")

    @property
    def songs(self) -> int:
        """Different training songs that can be drawn."""
        return len(np.unique(np.concatenate(self._members)))

    def __getitem__(self, step: int) -> Batch:
        """Return the batch of a step, the same whenever it is asked for."""
        rng = np.random.default_rng([self._seed, step])
        songs: list[int] = []
        groups: list[int] = []
        for number, group in enumerate(self._groups):
            drawn = self._songs_of(number, step)
            songs.extend(np.repeat(drawn, group.windows))
            groups.extend([number] * (len(drawn) * group.windows))
        levels = np.stack([self._window(self._keys[song], rng) for song in songs])
        return Batch(levels, np.array(songs), np.array(groups))

    def _usable(self, song: Example, group: Group) -> bool:
        chosen = song.dataset in group.datasets or not (group.datasets or song.dataset == "negative")
        return chosen and len(self._material.clean[song.key]) >= self._cut.patch

    def _songs_of(self, number: int, step: int) -> NDArray[np.int64]:
        """Return a step's songs of one group: every song once per pass, each pass in its own order."""
        members, count = self._members[number], self._groups[number].songs
        places = np.arange(step * count, (step + 1) * count)
        orders: Mapping[int, NDArray[np.int64]] = {
            epoch: np.random.default_rng([self._seed, number, epoch, 1]).permutation(members)
            for epoch in np.unique(places // len(members))
        }
        return np.array([orders[place // len(members)][place % len(members)] for place in places])

    def _window(self, key: str, rng: np.random.Generator) -> NDArray[np.float32]:
        frames, cut = self._material.clean, self._cut
        if self._material.degraded and rng.random() < self._degraded:
            version = self._material.degraded[rng.integers(len(self._material.degraded))]
            frames = version if key in version else frames
        levels = frames[key]
        end = min(len(levels), max(cut.first_frames or len(levels), cut.patch))
        length = cut.patch
        if cut.stretch:
            length = min(end, round(cut.patch * rng.uniform(1.0 - cut.stretch, 1.0 + cut.stretch)))
        begin = int(rng.integers(max(1, end - length + 1)))
        window = levels[begin : begin + length].astype(np.float32)
        return window if length == cut.patch else _resized(window, cut.patch)


def _resized(window: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Return a window brought to ``length`` frames by linear interpolation, shape (length, bands)."""
    places = np.linspace(0.0, len(window) - 1.0, length, dtype=np.float32)
    below = np.minimum(places.astype(int), len(window) - 2)
    share = (places - below).astype(np.float32)[:, None]
    return window[below] * (1.0 - share) + window[below + 1] * share
