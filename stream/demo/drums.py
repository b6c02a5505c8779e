"""Drums and small percussion, each a function to one stroke, shape (n,), peak near 1.

tape.add(snare(rng), at=0.5, gain=0.8)
"""

from __future__ import annotations

import numpy as np

from stream.demo.effects import SAMPLERATE, Sound, equalise, faded, high_pass, low_pass, peak


def kick(rng: np.random.Generator, hz: float = 48.0, click: float = 0.4) -> Sound:
    """Return a bass drum: a tone that falls to ``hz``, and the beater's click."""
    t = _time(0.4)
    phase = 2.0 * np.pi * (hz * t + 110.0 * 0.025 * (1.0 - np.exp(-t / 0.025)))
    beater = equalise(rng.standard_normal(len(t)) * np.exp(-t / 0.006), peak(3500.0, 8.0), high_pass(900.0))
    return _peak_one(np.sin(phase) * np.exp(-t / 0.11) + click * beater)


def snare(rng: np.random.Generator, decay: float = 0.11) -> Sound:
    """Return a snare drum: two modes of the head, and the wires."""
    t = _time(0.45)
    head = sum(np.sin(2.0 * np.pi * hz * t) * np.exp(-t / 0.06) for hz in (188.0, 331.0))
    wires = equalise(rng.standard_normal(len(t)), high_pass(1400.0), peak(4500.0, 5.0), low_pass(11000.0))
    return _peak_one(0.5 * head + 0.75 * wires * np.exp(-t / decay))


def hat(rng: np.random.Generator, decay: float = 0.035) -> Sound:
    """Return a hi-hat: closed at 0.035 s, open at 0.25 s."""
    t = _time(6.0 * decay)
    return _peak_one(equalise(rng.standard_normal(len(t)), high_pass(7000.0, 3)) * np.exp(-t / decay))


def crash(rng: np.random.Generator) -> Sound:
    """Return a crash cymbal: noise above a thicket of inharmonic tones."""
    t = _time(2.6)
    tones = sum(np.sin(2.0 * np.pi * hz * t + rng.uniform(0.0, 6.28)) for hz in rng.uniform(2500.0, 9500.0, 40))
    noise = equalise(rng.standard_normal(len(t)), high_pass(3500.0))
    return _peak_one((noise + 0.12 * tones) * np.exp(-t / 0.65) * np.minimum(1.0, t / 0.003))


def tom(rng: np.random.Generator, hz: float) -> Sound:
    """Return a tom-tom, or low and long enough a timpani."""
    t = _time(0.9)
    falling = 2.0 * np.pi * (hz * t + 0.3 * hz * 0.05 * (1.0 - np.exp(-t / 0.05)))
    stick = equalise(rng.standard_normal(len(t)) * np.exp(-t / 0.01), low_pass(2500.0))
    modes = np.sin(falling) + 0.4 * np.sin(1.504 * falling) * np.exp(-t / 0.1)
    return _peak_one(modes * np.exp(-t / 0.25) + 0.3 * stick)


def clap(rng: np.random.Generator) -> Sound:
    """Return some hands that do not quite meet."""
    t = _time(0.3)
    envelope = np.zeros(len(t))
    for begin in (0.0, 0.011, 0.02, 0.031):
        envelope += (t >= begin) * np.exp(-np.maximum(0.0, t - begin) / (0.006 if begin < 0.03 else 0.06))
    return _peak_one(equalise(rng.standard_normal(len(t)), peak(1500.0, 10.0), high_pass(700.0)) * envelope)


def shaker(rng: np.random.Generator) -> Sound:
    """Return one stroke of a shaker."""
    t = _time(0.11)
    envelope = np.minimum(1.0, t / 0.03) * np.exp(-np.maximum(0.0, t - 0.03) / 0.02)
    return _peak_one(equalise(rng.standard_normal(len(t)), high_pass(4500.0), low_pass(11000.0)) * envelope)


def conga(rng: np.random.Generator, hz: float, slap: bool = False) -> Sound:
    """Return a stroke on a conga: an open tone, or a slap that is mostly skin and palm."""
    t = _time(0.4)
    tone = np.sin(2.0 * np.pi * (hz * t + 0.004 * hz * (1.0 - np.exp(-t / 0.02)))) * np.exp(-t / 0.1)
    tone += 0.4 * np.sin(2.0 * np.pi * 2.3 * hz * t) * np.exp(-t / 0.04)
    skin = equalise(rng.standard_normal(len(t)), peak(1700.0, 12.0, 1.5), high_pass(500.0)) * np.exp(-t / 0.018)
    return _peak_one(0.25 * tone + 0.7 * skin if slap else tone + 0.15 * skin)


def cowbell(rng: np.random.Generator, hz: float = 560.0) -> Sound:
    """Return a stroke on a cowbell: two modes and the stick."""
    t = _time(0.35)
    modes = sum(gain * np.sign(np.sin(2.0 * np.pi * ratio * hz * t)) for ratio, gain in ((1.0, 0.6), (1.504, 0.5)))
    stick = rng.standard_normal(len(t)) * np.exp(-t / 0.004)
    return _peak_one(equalise(modes * np.exp(-t / 0.06) + 0.4 * stick, peak(2.0 * hz, 6.0), high_pass(400.0)))


def clave(rng: np.random.Generator) -> Sound:
    """Return two sticks of hard wood."""
    t = _time(0.12)
    knock = rng.standard_normal(len(t)) * np.exp(-t / 0.003)
    return _peak_one(np.sin(2.0 * np.pi * 2480.0 * t) * np.exp(-t / 0.018) + 0.3 * equalise(knock, high_pass(1500.0)))


def _time(seconds: float) -> Sound:
    return np.arange(int(seconds * SAMPLERATE)) / SAMPLERATE


def _peak_one(sound: Sound) -> Sound:
    ended = faded(sound, 0.0003, 0.01)
    return ended / float(np.abs(ended).max())
