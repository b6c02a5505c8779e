"""Degrade sound as the world does: other speeds, rooms, compressors, narrow bands, noise, lossy codecs.

Each version of a song is a chain of these, drawn at random from the song's own generator, so that preparing the data
again gives the same sound. Level and equalisation are not here: they are exact additions to the cached mel frames and
are drawn anew at every training step (train/learn/augment.py).
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import signal

from train.data.audio import RATE, through_codec

Samples = NDArray[np.float32]


def degrade(samples: Samples, rng: np.random.Generator) -> Samples:
    """Return a degraded version of mono 16 kHz samples, shape (m,), with m near n.

    The order is that of a recording's life: played, in a room, with noise, mastered, narrowed, encoded.
    """
    chain = (
        (0.5, change_speed),
        (0.35, add_room),
        (0.35, add_noise),
        (0.35, compress),
        (0.35, narrow_band),
        (0.45, encode),
    )
    for chance, step in chain:
        if rng.random() < chance:
            samples = step(samples, rng)
    peak = float(np.abs(samples).max(initial=0.0))
    return (samples / peak if peak > 1 else samples).astype(np.float32)


def change_speed(samples: Samples, rng: np.random.Generator) -> Samples:
    """Return the sound faster or slower, pitch and tempo together, by at most two semitones."""
    ratio = 2.0 ** (rng.uniform(-2.0, 2.0) / 12.0)
    return soxr.resample(samples, RATE * ratio, RATE)


def add_room(samples: Samples, rng: np.random.Generator) -> Samples:
    """Return the sound in a room: a direct path and exponentially decaying noise (RT60 of 0.15 to 1.5 s)."""
    rt60 = float(np.exp(rng.uniform(np.log(0.15), np.log(1.5))))
    length = int(rt60 * RATE)
    decay = np.exp(-np.log(1000.0) * np.arange(length) / length)
    tail = rng.standard_normal(length) * decay
    damping = rng.uniform(0.0, 0.8)  # rooms absorb high frequencies first
    tail = signal.lfilter([1.0 - damping], [1.0, -damping], tail)
    tail *= 10.0 ** (rng.uniform(-10.0, 4.0) / 20.0) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    wet = signal.oaconvolve(samples, tail)[: samples.size]
    return _same_level(wet, samples)


def add_noise(samples: Samples, rng: np.random.Generator) -> Samples:
    """Return the sound with coloured noise at 8 to 35 dB below it, sometimes with mains hum."""
    noise = coloured_noise(samples.size, rng.uniform(-2.0, 0.5), rng)
    if rng.random() < 0.3:
        noise = noise + mains_hum(samples.size, float(rng.choice([50.0, 60.0])), rng)
    ratio = 10.0 ** (-rng.uniform(8.0, 35.0) / 20.0)
    return (samples + noise * ratio * _rms(samples) / max(_rms(noise), 1e-9)).astype(np.float32)


def compress(samples: Samples, rng: np.random.Generator) -> Samples:
    """Return the sound through a feed-forward compressor (ratio 2 to 10), sometimes driven into soft clipping."""
    level = _rms(samples)
    threshold = level * 10.0 ** (rng.uniform(-12.0, 3.0) / 20.0)
    ratio = rng.uniform(2.0, 10.0)
    smoothing = np.exp(-1.0 / (rng.uniform(0.005, 0.15) * RATE))
    power = signal.lfilter([1.0 - smoothing], [1.0, -smoothing], samples.astype(np.float64) ** 2)
    envelope = np.sqrt(np.maximum(power, 1e-12))
    squeezed = samples * np.minimum(1.0, (envelope / max(threshold, 1e-9)) ** (1.0 / ratio - 1.0))
    if rng.random() < 0.4:
        drive = rng.uniform(1.0, 6.0) / max(float(np.abs(squeezed).max()), 1e-9)
        squeezed = np.tanh(squeezed * drive)
    return _same_level(squeezed, samples)


def narrow_band(samples: Samples, rng: np.random.Generator) -> Samples:
    """Return the sound through a high-pass, a low-pass or both, as of small loudspeakers and old recordings."""
    low = float(np.exp(rng.uniform(np.log(60.0), np.log(350.0))))
    high = float(np.exp(rng.uniform(np.log(2500.0), np.log(7500.0))))
    kind = rng.integers(3)
    edges, mode = [(low, "highpass"), (high, "lowpass"), ((low, high), "bandpass")][kind]
    sections = signal.butter(int(rng.integers(1, 5)), edges, mode, fs=RATE, output="sos")
    return signal.sosfilt(sections, samples).astype(np.float32)


def encode(samples: Samples, rng: np.random.Generator) -> Samples:
    """Return the sound after a lossy codec at a low bit rate."""
    codec, rates = [
        ("libmp3lame", (8000, 16000, 24000, 32000)),
        ("libopus", (6000, 9000, 16000, 24000)),
        ("aac", (12000, 16000, 24000, 32000)),
    ][rng.integers(3)]
    return through_codec(samples, codec, int(rng.choice(rates)))


def coloured_noise(size: int, slope: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return noise of unit RMS whose power falls as frequency to the power ``slope`` (0 white, -1 pink, -2 brown)."""
    padded = 1 << max(1, size - 1).bit_length()
    spectrum = np.fft.rfft(rng.standard_normal(padded))
    frequency = np.maximum(np.fft.rfftfreq(padded, 1.0 / RATE), 20.0)
    noise = np.fft.irfft(spectrum * frequency ** (slope / 2.0), padded)[:size]
    return noise / max(_rms(noise), 1e-12)


def mains_hum(size: int, frequency: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a hum of unit RMS: the mains frequency in Hz and its harmonics of random strength and phase."""
    time = np.arange(size) / RATE
    frequency *= 1.0 + rng.uniform(-0.004, 0.004)
    tilt, even = rng.uniform(0.3, 2.0), rng.uniform(0.0, 1.5)
    hum = np.zeros(size)
    for harmonic in range(1, int(rng.integers(2, 40))):
        strength = rng.uniform(0.2, 1.0) * harmonic**-tilt * (even if harmonic % 2 == 0 else 1.0)
        hum += strength * np.sin(2.0 * np.pi * harmonic * frequency * time + rng.uniform(0.0, 2.0 * np.pi))
    return hum / max(_rms(hum), 1e-12)


def _rms(samples: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0


def _same_level(samples: NDArray[np.floating], reference: Samples) -> Samples:
    return (samples * (_rms(reference) / max(_rms(samples), 1e-9))).astype(np.float32)
