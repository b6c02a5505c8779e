"""Decoded sound on its way from the decoder to the chunks."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """What a stream's samples look like.

    Attributes:
        samplerate: in Hz.
        layout: ffmpeg's name of the channel layout: ``stereo``, ``5.1``, ...
    """

    samplerate: int
    layout: str


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some decoded sound.

    Attributes:
        samples: shape (n, channels), float32, full scale at 1.0.
        position: byte in the source at which its packet begins, or None where the format does not say.
        lost: samples lost directly before it.
        damaged: whether anything was lost directly before it, even if nobody knows how much.
    """

    samples: NDArray[np.float32]
    position: int | None = None
    lost: int = 0
    damaged: bool = False
