"""Voices without words: vowels from a glottal wave and the resonances of a throat.

tape.add(sung(pitch("A3"), 2.0, rng, vowels="ao"), at=4.0)
tape.add(growled(0.5, rng), at=8.0)
"""

from __future__ import annotations

import numpy as np

from stream.demo.effects import SAMPLERATE, Sound, equalise, faded, high_pass, low_pass, overdrive, peak
from stream.demo.instruments import normalise, wander, wave

_FORMANTS = {
    "a": ((700.0, 12.0), (1150.0, 11.0), (2600.0, 12.0), (3300.0, 8.0)),
    "o": ((480.0, 12.0), (850.0, 10.0), (2500.0, 8.0), (3300.0, 6.0)),
}
"""Resonances of a man's vowels: frequency in Hz, strength in dB."""


def sung(
    hz: float, seconds: float, rng: np.random.Generator, vowels: str = "ao", start_hz: float | None = None
) -> Sound:
    """Return a sung note, shape (n,), peak near 1.

    Args:
        hz: pitch.
        seconds: length.
        rng: its unsteadiness.
        vowels: the vowel it begins and the one it ends with, of ``a`` and ``o``.
        start_hz: pitch it slides up or down from; None begins a little low.
    """
    length = int((seconds + 0.1) * SAMPLERATE)
    t = np.arange(length) / SAMPLERATE
    start = start_hz or hz * 2.0 ** (-1.5 / 12.0)
    cents = 1200.0 * np.log2(start / hz) * np.exp(-t / 0.05)
    cents += 25.0 * np.clip((t - 0.3) / 0.4, 0.0, 1.0) * np.sin(2.0 * np.pi * rng.uniform(5.3, 5.8) * t)
    cents += 6.0 * wander(length, 3.0, rng) + 5.0 * wander(length, 40.0, rng)
    first, last = (wave(hz * 2.0 ** (cents / 1200.0), _vowel(vowel, hz)) for vowel in vowels)
    turned = np.clip(t / max(seconds, 0.2), 0.0, 1.0)
    tone = normalise(first) * (1.0 - turned) + normalise(last) * turned
    breath = equalise(rng.standard_normal(length), peak(1500.0, 6.0, 2.0), low_pass(6000.0))
    unsteady = 1.0 + 0.12 * wander(length, 5.0, rng) + 0.08 * wander(length, 30.0, rng)
    return faded(tone * unsteady + 0.03 * breath, 0.07, 0.1)


def growled(seconds: float, rng: np.random.Generator, throat: float = 1.0) -> Sound:
    """Return a shout from deep in the throat, shape (n,), peak near 1.

    Args:
        seconds: length.
        rng: its roughness.
        throat: size of the throat: below 1 deeper, above 1 a scream.
    """
    length = int(seconds * SAMPLERATE)
    # The false folds flap at some 70 Hz, never twice at the same rate, and let bursts of noise through.
    flapping = np.cumsum(throat * (70.0 + 14.0 * wander(length, 25.0, rng)) / SAMPLERATE)
    bursts = np.maximum(0.0, np.sin(2.0 * np.pi * flapping)) ** 3
    noise = rng.standard_normal(length) * (0.15 + bursts) + 2.0 * bursts
    formants = (peak(620.0 * throat, 14.0, 0.7), peak(1350.0 * throat, 14.0, 0.6), peak(2700.0 * throat, 12.0, 0.6))
    mouth = equalise(noise, *formants, high_pass(150.0), low_pass(5500.0))
    rough = overdrive(2.5 * normalise(mouth), 2.0)
    return faded(normalise(rough), 0.03, 0.06)


def _vowel(name: str, hz: float) -> Sound:
    partials = np.arange(1, int(9000.0 / hz) + 1)
    amplitudes = low_pass(5000.0)(partials * hz) / partials
    for formant, decibels in _FORMANTS[name]:
        amplitudes = amplitudes * peak(formant, decibels, 0.45)(partials * hz)
    return amplitudes
