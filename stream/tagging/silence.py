"""Where one song ends and the next begins on a live source: by silence.

    splitter = SilenceSplitter(samplerate, min_rms_dbfs=-60.0, reset_after=3.0)
    for piece in splitter.feed(mono):
        match piece:
            case Boundary.END: ...         # it has been silent for reset_after seconds
            case Boundary.START: ...       # sound again: the next samples are a track's first
            case samples: ...              # mono samples, all of them, in order

The level is looked at in blocks of 20 ms counted from the stream's first sample, so the boundaries do not depend on how
the sound is cut into chunks. A track begins with its first loud sample, so that the windows of a song from a microphone
lie where those of its file do.
"""

from __future__ import annotations

import enum

import numpy as np
from numpy.typing import NDArray

from stream.tagging.record import power_of

_BLOCK_SECONDS = 0.02


class Boundary(enum.Enum):
    """A boundary between tracks."""

    START = "start"
    END = "end"


class SilenceSplitter:
    """Cuts a stream of mono samples at long silences. It begins between tracks: the first sound starts the first."""

    def __init__(self, samplerate: int, min_rms_dbfs: float, reset_after: float) -> None:
        if not reset_after > 0:
            raise ValueError(f"a silence is longer than 0 seconds, not {reset_after}")
        self._block = max(1, round(samplerate * _BLOCK_SECONDS))
        self._min_power = power_of(min_rms_dbfs)
        self._needed = max(1, round(reset_after * samplerate / self._block))
        self._held = np.empty(0, dtype=np.float32)
        self._in_track = False
        self._silent = 0  # blocks since the last sound

    def feed(self, mono: NDArray[np.float32]) -> list[NDArray[np.float32] | Boundary]:
        """Take samples of shape (n,) and return them again with the boundaries between; up to 40 ms are held back."""
        samples = np.concatenate([self._held, mono])
        count = len(samples) // self._block
        blocks = samples[: count * self._block].reshape(-1, self._block)
        silent = np.einsum("ij,ij->i", blocks, blocks, dtype=np.float64) / self._block < self._min_power
        pieces: list[NDArray[np.float32] | Boundary] = []
        begin = 0
        for index, quiet in enumerate(silent.tolist()):
            boundary = self._step(quiet)
            if boundary is None:
                continue
            at = (index + 1) * self._block if boundary is Boundary.END else max(begin, self._onset(samples, index))
            pieces += [samples[begin:at], boundary]
            begin = at
        # Between tracks the last block is held as well: the next song may have begun at the end of it.
        end = max(begin, (count if self._in_track else count - 1) * self._block)
        self._held = samples[end:].copy()
        pieces.append(samples[begin:end])
        return [piece for piece in pieces if isinstance(piece, Boundary) or len(piece)]

    @property
    def held(self) -> int:
        """Samples held back."""
        return len(self._held)

    def flush(self) -> NDArray[np.float32]:
        """Return the samples held back, shape (n,)."""
        held, self._held = self._held, np.empty(0, dtype=np.float32)
        return held

    def restart(self) -> None:
        """Forget how long it has been silent, and be in a track: the source itself said that one begins."""
        self._in_track = True
        self._silent = 0

    def _onset(self, samples: NDArray[np.float32], index: int) -> int:
        """Return where the sound in block ``index`` began: its first loud sample, or that of the block before."""
        first = max(0, index - 1) * self._block
        loud = np.abs(samples[first : (index + 1) * self._block]) >= np.sqrt(self._min_power)
        return first + int(np.argmax(loud))

    def _step(self, quiet: bool) -> Boundary | None:
        self._silent = self._silent + 1 if quiet else 0
        if self._in_track and self._silent >= self._needed:
            self._in_track = False
            return Boundary.END
        if not self._in_track and not quiet:
            self._in_track = True
            return Boundary.START
        return None
