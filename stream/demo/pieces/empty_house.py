"""Empty House: sad. A minor, 72 to the minute, a voice without words, a guitar, and a cello that sinks with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream.demo.effects import equalise, hiss, master, peak, reverb
from stream.demo.instruments import bowed, pluck
from stream.demo.score import Tape, chord, melody
from stream.demo.voice import sung

BEAT = 60.0 / 72.0
BAR = 4 * BEAT

BARS = (
    "A2 E3 A3 C4 E4",
    "D2 A2 A3 D4 F4",
    "A2 E3 A3 C4 E4",
    "E2 B2 B3 D4 G#4",
    "F2 C3 A3 C4 F4",
    "D2 A2 A3 B3 D4",
    "E2 B2 G#3 B3 E4",
    "A2 E3 A3 C4 E4",
)
SONG = """
r:1 E4:2 C4:1 | F4:2.5 E4:.5 D4:1 | E4:1 D4:.5 C4:2.5 | B3:2 C4:1 G#3:1 |
A3:1 C4:1 F4:2 | E4:1 D4:2 B3:1 | C4:1 B3:1.5 G#3:1.5 | A3:3 r:1
"""
CELLO = "A2:4 | A2:4 | A2:2 G2:2 | G#2:4 | F2:4 | F2:4 | E2:4 | A2:4"


def render() -> NDArray[np.float32]:
    """Return the piece, shape (n, 2), at 48 kHz."""
    rng = np.random.default_rng(72)
    tape = Tape(len(BARS) * BAR + 1.2)
    for bar, tones in enumerate(BARS):
        _guitar(tape, chord(tones), bar * BAR, rng, last=bar == len(BARS) - 1)
    before = None
    for i, note in enumerate(melody(SONG, BEAT)):
        vowels = "ao" if i % 2 == 0 else "oa"
        tape.add(sung(note.hz, 0.92 * note.seconds, rng, vowels, before), note.at, 0.7)
        before = note.hz
    for note in melody(CELLO, BEAT):
        tape.add(bowed(note.hz, note.seconds, rng, attack=0.4), note.at, 0.1, -0.4)
    mix = equalise(tape.sound + 0.2 * reverb(tape.sound, 1.2, rng), peak(2000.0, 5.0, 2.0))  # close to the ear
    mix += 0.002 * hiss(len(mix), rng)
    return master(mix, rms_dbfs=-18.0, fade_seconds=2.0)


def _guitar(tape: Tape, strings: list[float], at: float, rng: np.random.Generator, last: bool) -> None:
    """Play a bar: the thumb on the beats, the fingers between, two strums; the last bar is only let ring."""
    if last:
        for i, hz in enumerate(strings):
            tape.add(pluck(hz, 3.5, 0.8, rng, damping=0.998), at + 0.05 * i, 0.5, 0.15)
        return
    for beat in range(4):
        tape.add(pluck(strings[beat % 2], 1.0, 0.7, rng), at + beat * BEAT, 0.7, 0.1)
        if beat % 2 == 1:
            for i, hz in enumerate((*strings[2:], 1.5 * strings[-1])):
                place = at + beat * BEAT + 0.018 * i + rng.normal(0.0, 0.004)
                tape.add(pluck(hz, 1.1, 0.95, rng, damping=0.997), place, 0.4, 0.2)
        else:
            for i, hz in enumerate(strings[3:]):
                tape.add(pluck(hz, 0.9, 0.8, rng), at + (beat + 0.5) * BEAT + 0.01 * i, 0.22, 0.2)
