"""What is done to whole sounds: equaliser, overdrive, room, mastering.

bright = equalise(sound, high_pass(200.0))
wet = sound + 0.3 * reverb(sound, seconds=1.8, rng=rng)
finished = master(mix, rms_dbfs=-16.0)

A sound is float64, shape (n,) or (n, 2), at 48 kHz; full scale is 1.0 and only :func:`master` cares about it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SAMPLERATE = 48_000

Sound = NDArray[np.floating]
Response = Callable[[Sound], Sound]
"""Gain at frequencies in Hz."""

_PEAK = 0.84  # -1.5 dBFS: room for what a lossy codec adds
_LIMITER_BLOCK = 240  # 5 ms


def low_pass(hz: float, order: int = 2) -> Response:
    """Return a Butterworth low-pass."""
    return lambda f: 1.0 / np.sqrt(1.0 + (f / hz) ** (2 * order))


def high_pass(hz: float, order: int = 2) -> Response:
    """Return a Butterworth high-pass."""
    return lambda f: (f / hz) ** order / np.sqrt(1.0 + (f / hz) ** (2 * order))


def peak(hz: float, decibels: float, octaves: float = 1.0) -> Response:
    """Return a bell of so many decibels, so many octaves wide."""
    return lambda f: 10.0 ** (decibels / 20.0 * np.exp(-((np.log2(np.maximum(f, 1.0) / hz) / (octaves / 2.0)) ** 2)))


def faded(sound: Sound, attack: float, release: float) -> Sound:
    """Return the sound with its beginning and its end drawn down to nothing over so many seconds."""
    t = np.arange(len(sound)) / SAMPLERATE
    gain: Sound = np.minimum(1.0, t / attack) * np.minimum(1.0, t[::-1] / release)
    return sound * (gain[:, None] if sound.ndim == 2 else gain)


def equalise(sound: Sound, *responses: Response) -> Sound:
    """Return the sound through all of the responses (zero phase)."""
    size = _fast_size(len(sound) + 2048)
    hz = np.fft.rfftfreq(size, 1.0 / SAMPLERATE)
    gain = np.ones_like(hz)
    for response in responses:
        gain = gain * response(hz)
    spectrum = np.fft.rfft(sound, size, axis=0)
    shaped: Sound = np.fft.irfft(spectrum * (gain[:, None] if sound.ndim == 2 else gain), size, axis=0)
    return shaped[: len(sound)]


def overdrive(sound: Sound, drive: float) -> Sound:
    """Return the sound through a valve-like stage that clips softly and not quite evenly."""
    # Twice the rate while clipping: most of the new overtones would otherwise fold back as a harsh inharmonic haze.
    size = _fast_size(len(sound))
    doubled = 2.0 * np.fft.irfft(np.fft.rfft(sound, size), 2 * size)
    clipped = np.tanh(drive * doubled + 0.2) - np.tanh(0.2)
    halved: Sound = np.fft.irfft(np.fft.rfft(clipped)[: size // 2 + 1], size) / 2.0
    return halved[: len(sound)]


def reverb(sound: Sound, seconds: float, rng: np.random.Generator, damping: float = 5000.0) -> Sound:
    """Return the room alone: the sound convolved with noise that dies by 60 dB in ``seconds``, shape (n, 2).

    Args:
        sound: shape (n,) or (n, 2).
        seconds: reverberation time.
        rng: makes the room.
        damping: above so many Hz the room swallows sound.
    """
    dry = sound if sound.ndim == 2 else np.stack([sound, sound], axis=1)
    length = int(seconds * SAMPLERATE)
    t = np.arange(length) / SAMPLERATE
    room: Sound = rng.standard_normal((length, 2)) * 10.0 ** (-3.0 * t / seconds)[:, None]
    room *= np.minimum(1.0, t / 0.012)[:, None]  # the first reflections come after the sound itself
    room = equalise(room, low_pass(damping, 1), high_pass(180.0, 1))
    room /= np.sqrt((room**2).sum(axis=0))
    size = _fast_size(len(dry) + length)
    wet: Sound = np.fft.irfft(np.fft.rfft(dry, size, axis=0) * np.fft.rfft(room, size, axis=0), size, axis=0)
    return wet[: len(dry)]


def hiss(length: int, rng: np.random.Generator) -> Sound:
    """Return what a room and a tape add to quiet music: noise that falls with frequency, shape (n, 2), RMS 1."""
    noise = equalise(rng.standard_normal((length, 2)), low_pass(300.0, 1), high_pass(60.0))
    noise += 0.1 * rng.standard_normal((length, 2))
    return noise / float(np.sqrt((noise**2).mean()))


def master(mix: Sound, rms_dbfs: float, fade_seconds: float = 1.0) -> NDArray[np.float32]:
    """Return a mix of shape (n, 2) at its final level, limited below full scale, with a faded end.

    Args:
        mix: shape (n, 2).
        rms_dbfs: level of the whole, in dB re full scale, before the limiter takes its bit.
        fade_seconds: length of the fade at the end.
    """
    sound = faded(equalise(mix, high_pass(30.0)), 0.005, fade_seconds)
    sound *= 10.0 ** (rms_dbfs / 20.0) / np.sqrt((sound**2).mean())
    return (sound * _limiter_gain(sound)[:, None]).astype(np.float32)


def _limiter_gain(sound: Sound) -> Sound:
    """Return for each sample the gain that keeps it under the peak: smooth, and down before the peak comes."""
    count = -(-len(sound) // _LIMITER_BLOCK)
    padded = np.zeros(count * _LIMITER_BLOCK)
    padded[: len(sound)] = np.abs(sound).max(axis=1)
    peaks = np.pad(padded.reshape(count, -1).max(axis=1), 2, mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(peaks, 5).max(axis=1)
    gains = np.minimum(1.0, _PEAK / np.maximum(around, 1e-9))
    middles = (np.arange(count) + 0.5) * _LIMITER_BLOCK
    smooth: Sound = np.interp(np.arange(len(sound)), middles, gains)
    return smooth


def _fast_size(length: int) -> int:
    """Return the next length that the FFT takes quickly: a power of two, or three quarters of one."""
    power = 1 << max(4, int(np.ceil(np.log2(max(1, length)))))
    return power * 3 // 4 if power * 3 // 4 >= length else power
