"""Still Water: calm. F major with soft sevenths, 66 to the minute, a nylon-string guitar, a flute, a wide pad."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream.demo.effects import equalise, high_pass, hiss, low_pass, master, reverb
from stream.demo.instruments import bass, bell, flute, pad, pluck
from stream.demo.score import Tape, chord, melody

BEAT = 60.0 / 66.0
BAR = 4 * BEAT

BARS = (
    "F2 C3 A3 C4 E4",
    "Bb2 F3 A3 D4 F4",
    "F2 C3 A3 C4 G4",
    "C3 G3 Bb3 D4 F4",
    "F2 C3 A3 C4 E4",
    "Bb2 F3 A3 D4 F4",
    "F2 C3 A3 C4 F4",
)
TUNE = """
r:2 C5:2 | D5:1 F5:3 | A5:2 G5:1 F5:1 | G5:4 | C5:1 F5:1 A5:2 | G5:1 F5:1 D5:2 | F5:4
"""


def render() -> NDArray[np.float32]:
    """Return the piece, shape (n, 2), at 48 kHz."""
    rng = np.random.default_rng(66)
    seconds = len(BARS) * BAR + 1.6
    guitar, wind, clouds = Tape(seconds), Tape(seconds), Tape(seconds)
    for bar, tones in enumerate(BARS):
        at = bar * BAR
        strings = chord(tones)
        for eighth, tone in enumerate((0, 1, 2, 3, 4, 3, 2, 3) if bar < len(BARS) - 1 else (0, 1, 2, 3, 4)):
            string = pluck(strings[tone], 2.2, 0.16, rng, damping=0.9965, position=0.3)
            place = at + eighth * BEAT / 2 + rng.normal(0.0, 0.008)
            guitar.add(string, place, (0.7 if eighth == 0 else 0.5) * rng.uniform(0.85, 1.1), -0.2 + 0.1 * tone)
        low = strings[0] if strings[0] < 100.0 else 0.5 * strings[0]
        for place in (0.0, 2.5):
            clouds.add(bass(low, 2.2, rng, bright=0.15), at + place * BEAT, 0.5)
        for hz in strings[1:]:
            clouds.add(pad(hz, BAR, rng, cutoff=700.0), at, 0.11)
        clouds.add(bell(2.0 * strings[4], 2.5, rng), at + 3.0 * BEAT, 0.03, 0.6)
    for note in melody(TUNE, BEAT):
        wind.add(flute(note.hz, 0.96 * note.seconds, rng), note.at, 0.26, 0.2)
    mix = equalise(guitar.sound, low_pass(4000.0, 1), high_pass(60.0)) + wind.sound + clouds.sound
    mix += 0.7 * reverb(guitar.sound + wind.sound + clouds.sound, 2.8, rng, damping=3500.0)
    mix += 0.002 * hiss(len(mix), rng)
    return master(mix, rms_dbfs=-19.0, fade_seconds=2.5)
