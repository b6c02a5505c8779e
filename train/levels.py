"""Mel levels: how prepared frames are kept, so that a change of level or of equalisation is an exact addition.

    levels = to_levels(frames, frontend.compression)      # float16, log10 of the band's power times 10,000
    frames = to_frames(levels + gain_db / 10, frontend.compression)

The front-end ``log10(1 + 10000 x)`` bends quiet sound, so it is unbent first: its levels are
``log10(10000 x + 0.0001)``, in float16 (a step of at most 0.04 dB). The front-end in decibels,
``20 log10(max(x, 1e-10))`` with x a power (so a decibel counts twice there), only needs another scale.
"""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from model.frontend import Compression

BENT, DECIBELS = get_args(Compression)
FLOOR = 1e-4
"""Added to 10000 x before the logarithm of the bent front-end's levels."""

LEAST = 1e-6
"""10000 times the least power of the front-end in decibels."""


def to_levels(frames: NDArray[np.float32], compression: Compression = BENT) -> NDArray[np.float16]:
    """Turn a front-end's frames into levels, same shape."""
    if compression == DECIBELS:
        return (frames / np.float32(20) + np.float32(4)).astype(np.float16)
    power = np.expm1(np.log(10.0) * frames.astype(np.float64))
    return np.log10(np.maximum(power, 0.0) + FLOOR).astype(np.float16)


def to_frames(levels: NDArray[np.floating], compression: Compression = BENT) -> NDArray[np.float32]:
    """Turn levels back into the front-end's frames, same shape."""
    if compression == DECIBELS:
        return np.maximum(np.float32(20) * (levels.astype(np.float32) - np.float32(4)), np.float32(-200))
    power = 10.0 ** levels.astype(np.float32) - np.float32(FLOOR)
    return np.log10(1.0 + np.maximum(power, 0.0), dtype=np.float32)
