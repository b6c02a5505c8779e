"""The whole front-end as one stage: mono source samples in, log-mel frames and levels out.

features = FeatureStream(44100, FrontEnd())
frames, power = features.feed(mono)      # (n, 96) log-mel, (n,) mean square of each frame's own 256 samples
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.frontend import FrontEnd
from model.mel import MelStream
from model.resample import Resampler


class FeatureStream:
    """Resamples, then analyses; frames and levels come in pairs that span the same ``hop`` samples."""

    def __init__(self, source_rate: int, frontend: FrontEnd = FrontEnd()) -> None:
        self.frontend = frontend
        self._resampler = Resampler(source_rate, frontend.samplerate)
        self._mel = MelStream(frontend)
        self._partial = np.empty(0, dtype=np.float32)

    def feed(self, mono: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Take mono source samples of shape (n,).

        Returns:
            Frames of shape (m, n_mels) and their mean squares of shape (m,): frame i is centred on the first sample of
            the block of ``hop`` samples that mean square i describes, so both are complete at the same sample.
        """
        return self._analyse(self._resampler.feed(mono))

    def flush(self) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """End the signal: return the pairs that its real samples still complete, and start anew.

        The frames over the zeros after the end (``MelStream.flush``) are left out: no window is padded to be full.
        """
        pairs = self._analyse(self._resampler.flush())  # which resets the resampler
        self._forget()
        return pairs

    def reset(self) -> None:
        """Forget the signal so far."""
        self._resampler.reset()
        self._forget()

    def _forget(self) -> None:
        self._mel.reset()
        self._partial = np.empty(0, dtype=np.float32)

    def _analyse(self, samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        frames = self._mel.feed(samples)
        held = np.concatenate([self._partial, samples])
        whole = len(held) // self.frontend.hop * self.frontend.hop
        self._partial = held[whole:].copy()
        blocks = held[:whole].reshape(-1, self.frontend.hop)
        return frames, np.einsum("ij,ij->i", blocks, blocks, dtype=np.float64) / self.frontend.hop
