"""What a run learns from and is judged by: songs with frames, targets for each head, figures on the validation songs.

material = corpus.material()                      # a data set of its own (train.corpus)
material = song_material(Path("cache"))           # the default model's four data sets (train.song_material)
run = Run(configuration, material, seed=0)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from model.frontend import FrontEnd
from train.learn.losses import Loss


class Frames(Protocol):
    """Levels by song."""

    def __getitem__(self, key: str, /) -> NDArray[np.float16]:
        """Return a song's levels, shape (frames, bands)."""

    def __contains__(self, key: object, /) -> bool:
        """Tell whether the song is there."""


class Example(Protocol):
    """A song as the batches see it."""

    @property
    def key(self) -> str:
        """Name that is unique in the material."""

    @property
    def dataset(self) -> str:
        """Which the song is from; ``negative`` is sound that is not music."""

    @property
    def split(self) -> str:
        """``train``, ``validation`` or ``test``."""


@dataclasses.dataclass(frozen=True, slots=True)
class Head:
    """One task: its labels, and for every song the targets and which of them are known.

    Attributes:
        labels: names, in the order of the columns.
        targets: shape (songs, labels), float32; 0 where unknown.
        mask: shape (songs, labels), float32, 1 where the target is known.
    """

    labels: tuple[str, ...]
    targets: NDArray[np.float32]
    mask: NDArray[np.float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Judgement:
    """What validation says of a network.

    Attributes:
        figures: by name.
        score: the one number to choose by; greater is better, NaN where there is nothing to judge by.
    """

    figures: Mapping[str, float]
    score: float


@dataclasses.dataclass(frozen=True, slots=True)
class Material:
    """See the module.

    Attributes:
        songs: of all splits; those of ``train`` are learnt from.
        frontend: that computed the frames (its window's length says nothing here).
        clean: frames of the songs as they are.
        degraded: frames of worse versions of some songs.
        head: from the name of targets and the loss they are for to the targets of all songs; raises ValueError for a
            name that there is not.
        judge: from a network to what validation says of it.
        description: what an exported file shall say of the data.
        remarks: what a user should know, a line each.
    """

    songs: Sequence[Example]
    frontend: FrontEnd
    clean: Frames
    degraded: Sequence[Frames]
    head: Callable[[str, Loss], Head]
    judge: Callable[[nn.Module], Judgement]
    description: Mapping[str, object]
    remarks: Sequence[str] = ()
