"""From any rate and channel count to the mono 16 kHz signal that the front-end analyses.

mono = downmix(samples)                  # (n, channels) -> (n,), the mean
resampler = Resampler(44100, 16000)
out = resampler.feed(mono)               # streaming; with flush() it equals the whole at once, bit for bit
"""

from __future__ import annotations

import math

import numpy as np
import soxr
from numpy.typing import NDArray

MIN_SAMPLERATE = 8_000
MAX_SAMPLERATE = 192_000


def downmix(samples: NDArray[np.floating], channel: int | None = None) -> NDArray[np.float32]:
    """Return one channel of a signal, or the mean of all.

    Args:
        samples: shape (n, channels), any float type.
        channel: which channel to take, from 0; None takes the mean.

    Returns:
        Shape (n,), float32.

    Raises:
        ValueError: the signal has no such channel or is not of shape (n, channels).
    """
    if samples.ndim != 2 or samples.shape[1] < 1:
        raise ValueError(f"samples of shape (n, channels) are needed, not {samples.shape}")
    if channel is None:
        if samples.shape[1] == 1:
            return samples[:, 0].astype(np.float32)
        # float64: the sum of two large float32 samples must not overflow. Infinities of two signs have no mean.
        with np.errstate(invalid="ignore", over="ignore"):
            mean: NDArray[np.float64] = samples.mean(axis=1, dtype=np.float64)
            return mean.astype(np.float32)
    if not 0 <= channel < samples.shape[1]:
        raise ValueError(f"channel {channel + 1} was asked for, but the sound has {samples.shape[1]}")
    return samples[:, channel].astype(np.float32)


class Resampler:
    """A streaming sample-rate converter (soxr, high quality); equal rates pass through untouched."""

    def __init__(self, source_rate: int, target_rate: int = 16000) -> None:
        """Make a converter.

        Raises:
            ValueError: the source rate is outside 8 to 192 kHz.
        """
        if not MIN_SAMPLERATE <= source_rate <= MAX_SAMPLERATE:
            raise ValueError(f"the sample rate {source_rate} Hz is outside {MIN_SAMPLERATE} to {MAX_SAMPLERATE} Hz")
        self.source_rate = source_rate
        self.target_rate = target_rate
        self._stream = self._new_stream()

    def feed(self, mono: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the samples of shape (n,) allow: shape (m,), float32, some milliseconds behind the input."""
        if self._stream is None:
            return mono
        out: NDArray[np.float32] = self._stream.resample_chunk(mono)
        return out

    def flush(self) -> NDArray[np.float32]:
        """End the signal: return its last samples, shape (m,), float32, and start anew."""
        if self._stream is None:
            return np.empty(0, dtype=np.float32)
        out: NDArray[np.float32] = self._stream.resample_chunk(np.empty(0, dtype=np.float32), last=True)
        self.reset()
        return out

    def reset(self) -> None:
        """Forget the signal so far."""
        self._stream = self._new_stream()

    def _new_stream(self) -> soxr.ResampleStream | None:
        if self.source_rate == self.target_rate:
            return None
        return soxr.ResampleStream(self.source_rate, self.target_rate, 1, dtype="float32", quality="HQ")


def grid_step(source_rate: int, frontend_rate: int, hop: int) -> int:
    """Return the smallest number of source samples that is a whole number of mel hops, in source samples.

    A converter that starts anew at a multiple of it meets the frames of one that ran from the beginning.
    """
    common = math.gcd(source_rate, frontend_rate)
    step = math.lcm(frontend_rate // common, hop)
    return step * source_rate // frontend_rate


def resample(mono: NDArray[np.float32], source_rate: int, target_rate: int = 16000) -> NDArray[np.float32]:
    """Return a whole mono signal of shape (n,) at another rate: the streaming converter, fed once and flushed."""
    resampler = Resampler(source_rate, target_rate)
    return np.concatenate([resampler.feed(mono), resampler.flush()])
