"""One track: mono source samples in, windows on the track's sample grid out.

    track = Track(samplerate=44100, frontend=FrontEnd(), hop_frames=187)
    for window in track.feed(mono): ...    # window k begins 16 kHz sample k * hop of the track
    for window in track.lose(4410): ...    # that many source samples never came
    track.resume(next_window=12, position=574464)      # a track that another process began: go on here

A window that a gap touches comes out with status ``gap`` and without frames; nothing is filled in. After a gap the
front-end starts anew where a frame of the track's grid meets a source sample, so a window that no gap touches is the
same as if there had been none.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.features import FeatureStream
from model.frontend import FrontEnd
from model.resample import grid_step
from model.window import WindowBuffer

_GAP_WINDOWS = 100  # reported one by one for one gap; of a longer one (an unplugged night) the rest is only counted
_SETTLING_FRAMES = 2  # after a restart: one reaches into the zeros before it, one into the resampler's filter
_SLICE_SECONDS = 5.0  # analysed at a time: bounds memory whatever the size of a chunk


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A window of a track.

    Attributes:
        index: its number in the track, from 0.
        status: ``ok``, or ``gap`` if sound was lost in it.
        frames: shape (patch, n_mels), or None for a gap.
        power: mean square of its samples, or None for a gap.
    """

    index: int
    status: Literal["ok", "gap"]
    frames: NDArray[np.float32] | None
    power: float | None


class Track:
    """The front-end and window grid of one track; memory is bounded."""

    def __init__(self, samplerate: int, frontend: FrontEnd, hop_frames: int) -> None:
        """Begin a track.

        Raises:
            ValueError: the sample rate is outside 8 to 192 kHz.
        """
        self.position = 0
        """Source samples since the track's first, the lost ones included."""
        self.broken = False
        """Sound was lost."""
        self.unreported = 0
        """Windows that a gap touched and that are in no record, because the gap was very long."""
        self._samplerate = samplerate
        self._frontend = frontend
        self._hop = hop_frames
        self._step = grid_step(samplerate, frontend.samplerate, frontend.hop)
        self._features = FeatureStream(samplerate, frontend)
        self._buffer = WindowBuffer(frontend.patch, hop_frames, frontend.n_mels)
        # However short the hop, the windows that a short gap touches are all reported.
        self._most_reported = max(_GAP_WINDOWS, -(-(frontend.patch + _SETTLING_FRAMES) // hop_frames) + 1)
        self._skip = 0  # source samples to pass over until the grid is met after a gap
        self._heard = False  # anything since the last restart
        self._gaps: deque[int] = deque()  # windows that a gap touched and whose end has not passed yet

    @property
    def next_window(self) -> int:
        """Index of the first window that has not come out."""
        return self._gaps[0] if self._gaps else self._buffer.next_index

    @property
    def needed_from(self) -> int:
        """Source sample of the track from which on sound must be fed again to go on after :meth:`resume`."""
        return self._restart_at(self.next_window, self.position)

    def resume(self, next_window: int, position: int) -> None:
        """Go on where another track object was: feed the sound from ``needed_from`` on, and the same windows come.

        Args:
            next_window: what its ``next_window`` was.
            position: what its ``position`` was.
        """
        self.position = self._restart_at(next_window, position)
        self._buffer.restart(self._frames_at(self.position), next_window * self._hop)

    def feed(self, mono: NDArray[np.float32]) -> list[Window]:
        """Take the next source samples, shape (n,), and return the windows that ended with them."""
        windows: list[Window] = []
        size = int(_SLICE_SECONDS * self._samplerate)
        for begin in range(0, len(mono), size):
            piece = mono[begin : begin + size]
            self.position += len(piece)
            skipped = min(self._skip, len(piece))
            self._skip -= skipped
            if skipped < len(piece):
                self._heard = True
                windows += self._cut(*self._features.feed(piece[skipped:]))
        return windows

    def lose(self, count: int) -> list[Window]:
        """Pass over ``count`` source samples that were lost (0: lost nobody knows how many) and restart on the grid."""
        if self.position == 0 and count == 0:
            return []
        self.broken = True
        windows = self._cut(*self._features.flush()) if self._heard else []
        self._heard = False
        self.position += count
        restart = -(-self.position // self._step) * self._step
        self._skip = restart - self.position
        frame = self._frames_at(restart)
        before = self._buffer.next_index
        self._buffer.restart(frame, frame + _SETTLING_FRAMES)
        # Those whose end is still to come are all reported: a track that resumes meets them again, and only them.
        passed = (self._frames_at(self.position) - self._frontend.patch) // self._hop + 1
        passed = min(max(before, passed), self._buffer.next_index)
        reported = min(passed, before + self._most_reported)
        self._gaps.extend([*range(before, reported), *range(passed, self._buffer.next_index)])
        self.unreported += passed - reported
        return windows + self._due(self._frames_at(self.position))

    def flush(self) -> list[Window]:
        """End the track: return the windows that its last real samples complete."""
        return self._cut(*self._features.flush())

    def _cut(self, frames: NDArray[np.float32], powers: NDArray[np.float64]) -> list[Window]:
        windows = []
        for index, cut, power in self._buffer.feed(frames, powers):
            windows += self._due(index * self._hop + self._frontend.patch)
            windows.append(Window(index, "ok", cut, power))
        return windows + self._due(self._frames_at(self.position))

    def _due(self, frame: int) -> list[Window]:
        """Return the gap windows that end at ``frame`` or before."""
        windows = []
        while self._gaps and self._gaps[0] * self._hop + self._frontend.patch <= frame:
            windows.append(Window(self._gaps.popleft(), "gap", None, None))
        return windows

    def _restart_at(self, next_window: int, position: int) -> int:
        """Return the last sample at or before ``position`` where the front-end can start anew for this window."""
        frame = max(0, next_window * self._hop - _SETTLING_FRAMES)
        return min(frame // self._frames_at(self._step), position // self._step) * self._step

    def _frames_at(self, position: int) -> int:
        return position * self._frontend.samplerate // (self._samplerate * self._frontend.hop)
