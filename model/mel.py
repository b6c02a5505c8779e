"""Log-mel frames, streaming and offline, by one and the same code.

    stream = MelStream(FrontEnd())
    frames = stream.feed(samples)      # (n, 96) float32, n >= 0: all frames that the samples so far allow
    frames = stream.flush()            # the last frames, with zeros after the end
    frames = melspectrogram(samples)   # the whole at once: a feed and a flush

Streaming equals offline for every cut of the signal into pieces: the stream is primed with ``n_fft / 2`` zeros, a frame
comes out every ``hop`` samples once ``n_fft`` are held, and the end is padded with zeros again. The result is that of
``librosa.feature.melspectrogram(..., center=True, pad_mode="constant")`` followed by the front-end's compression,
``log10(1 + 10000 x)`` by default.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from model.frontend import FrontEnd

_BLOCK = 256  # frames analysed at a time: bounds the working memory whatever the length of the signal


class MelStream:
    """Turns mono samples into log-mel frames, as they come.

    Memory is bounded: at most ``n_fft - 1`` samples are held between two calls.
    """

    def __init__(self, frontend: FrontEnd = FrontEnd()) -> None:
        self.frontend = frontend
        self._window = analysis_window(frontend)
        self._filters = mel_filters(frontend)
        self._held = np.zeros(frontend.pad)

    def feed(self, samples: NDArray[np.floating]) -> NDArray[np.float32]:
        """Take mono samples at ``frontend.samplerate`` and return the frames they complete.

        Args:
            samples: shape (n,), any n >= 0, full scale at 1.0.

        Returns:
            Shape (frames, n_mels), float32: the mel power, compressed as the front-end says.
        """
        if samples.ndim != 1:
            raise ValueError(f"mono samples of shape (n,) are needed, not {samples.shape}")
        # float64: in float32 the FFT's rounding would show above 1e-6 after the logarithm.
        signal = np.concatenate([self._held, samples.astype(np.float64, copy=False)])
        frontend = self.frontend
        count = max(0, (signal.size - frontend.n_fft) // frontend.hop + 1)
        self._held = signal[count * frontend.hop :].copy()
        frames = np.empty((count, frontend.n_mels), dtype=np.float32)
        if count:
            pieces = np.lib.stride_tricks.sliding_window_view(signal, frontend.n_fft)[:: frontend.hop]
            for begin in range(0, count, _BLOCK):
                end = min(count, begin + _BLOCK)
                frames[begin:end] = self._analyse(pieces[begin:end])
        return frames

    def flush(self) -> NDArray[np.float32]:
        """End the signal: return its last frames, shape (frames, n_mels), and start anew."""
        frames = self.feed(np.zeros(self.frontend.pad))
        self.reset()
        return frames

    def reset(self) -> None:
        """Forget the signal so far; the next sample fed is the first of a new one."""
        self._held = np.zeros(self.frontend.pad)

    def _analyse(self, pieces: NDArray[np.float64]) -> NDArray[np.float32]:
        spectrum = np.fft.rfft(pieces * self._window, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        return compress(power @ self._filters, self.frontend)


def melspectrogram(samples: NDArray[np.floating], frontend: FrontEnd = FrontEnd()) -> NDArray[np.float32]:
    """Return the log-mel frames of a whole mono signal, shape (1 + n // hop, n_mels), float32.

    Args:
        samples: shape (n,) at ``frontend.samplerate``, full scale at 1.0.
        frontend: the front-end's parameters.
    """
    stream = MelStream(frontend)
    return np.concatenate([stream.feed(samples), stream.flush()])


def compress(power: NDArray[np.float64], frontend: FrontEnd) -> NDArray[np.float32]:
    """Return mel power, of any shape, on the front-end's logarithmic scale, float32."""
    match frontend.compression:
        case "log10(1 + 10000 x)":
            return np.log10(1.0 + 10000.0 * power).astype(np.float32)
        case "20 log10(max(x, 1e-10))":
            return (20.0 * np.log10(np.maximum(power, 1e-10))).astype(np.float32)


@functools.cache
def analysis_window(frontend: FrontEnd) -> NDArray[np.float64]:
    """Return the Hann window of ``n_fft`` samples: periodic (DFT-even) or symmetric, as the front-end says."""
    period = frontend.n_fft if frontend.window == "hann_periodic" else frontend.n_fft - 1
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(frontend.n_fft) / period)


@functools.cache
def mel_filters(frontend: FrontEnd) -> NDArray[np.float64]:
    """Return the triangular mel filters, shape (n_fft / 2 + 1, n_mels): Slaney's scale, each of unit area in Hz.

    Source: M. Slaney, Auditory Toolbox (Technical Report 1998-010, Interval Research), as in librosa's ``filters.mel``
    with ``htk=False, norm="slaney"``.
    """
    bins = np.linspace(0.0, frontend.samplerate / 2.0, frontend.n_fft // 2 + 1)
    lowest, highest = _hz_to_mel(np.array([frontend.fmin, frontend.fmax]))
    edges = _mel_to_hz(np.linspace(lowest, highest, frontend.n_mels + 2))
    rising = (bins[:, None] - edges[None, :-2]) / np.diff(edges)[None, :-1]
    falling = (edges[None, 2:] - bins[:, None]) / np.diff(edges)[None, 1:]
    filters: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return filters * (2.0 / (edges[2:] - edges[:-2]))


# Slaney's scale: linear below 1 kHz (3 mel per 200 Hz), above it logarithmic with 27 steps per factor of 6.4.
_LINEAR_HZ = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27.0


def _hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _LINEAR_HZ, logarithmic)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ, logarithmic)
