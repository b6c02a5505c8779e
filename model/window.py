"""The rolling buffer of mel frames and the windows cut from it.

buffer = WindowBuffer(patch=187, hop=187, n_mels=96)
for index, window, power in buffer.feed(frames, powers):
    ...                                # window: (187, 96); index k begins at frame k * hop of the track
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Cut = tuple[int, NDArray[np.float32], float]


class WindowBuffer:
    """Holds the last ``patch`` frames at most and cuts a window every ``hop`` frames, on the grid of the track."""

    def __init__(self, patch: int, hop: int, n_mels: int) -> None:
        if patch < 1 or hop < 1:
            raise ValueError("a window and its hop have at least one frame")
        self.patch = patch
        self.hop = hop
        self._frames = np.empty((patch, n_mels), dtype=np.float32)
        self._powers = np.empty(patch)
        self.next_index = 0
        self._position = 0  # of the next frame in the track
        self._filled = 0

    def feed(self, frames: NDArray[np.float32], powers: NDArray[np.float64]) -> list[Cut]:
        """Take the next frames, shape (n, n_mels), with their mean squares, shape (n,).

        Returns:
            For each window completed: its index, a copy of its frames (patch, n_mels), and its mean square.
        """
        cuts: list[Cut] = []
        taken = 0
        while taken < len(frames):
            start = self.next_index * self.hop
            if self._position < start:  # between two windows when the hop is longer than a window
                step = min(start - self._position, len(frames) - taken)
                self._position += step
                taken += step
                continue
            step = min(self.patch - self._filled, len(frames) - taken)
            self._frames[self._filled : self._filled + step] = frames[taken : taken + step]
            self._powers[self._filled : self._filled + step] = powers[taken : taken + step]
            self._filled += step
            self._position += step
            taken += step
            if self._filled == self.patch:
                cuts.append((self.next_index, self._frames.copy(), float(self._powers.mean())))
                self._advance()
        return cuts

    def restart(self, position: int, first_usable: int) -> None:
        """Go on at frame ``position`` with nothing held; the next window begins at ``first_usable`` or later."""
        self._position = position
        self._filled = 0
        self.next_index = max(self.next_index, -(-first_usable // self.hop))

    def reset(self) -> None:
        """Forget everything; the next frame is frame 0 of a new track."""
        self.next_index = 0
        self._position = 0
        self._filled = 0

    def _advance(self) -> None:
        self.next_index += 1
        kept = max(0, self.patch - self.hop)
        if kept:
            self._frames[:kept] = self._frames[self.hop :].copy()
            self._powers[:kept] = self._powers[self.hop :].copy()
        self._filled = kept
