"""Market Day: happy. D major, 176 to the minute: horns, a piano montuno, congas, bells and everything else at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream.demo import drums
from stream.demo.effects import Sound, equalise, high_pass, master, reverb
from stream.demo.instruments import bass, brass, piano
from stream.demo.score import Note, Tape, chord, melody

BEAT = 60.0 / 176.0
BAR = 4 * BEAT

BARS = "DGDA DGAD GADD GADD DGAD"
CHORDS = {"D": "D4 F#4 A4 D5", "G": "D4 G4 B4 D5", "A": "C#4 E4 A4 C#5"}
ROOTS = {"D": "D2 A2", "G": "G2 D2", "A": "A2 E2"}

TUNE = """
F#4:.5 A4:.5 D5:1 A4:.5 F#4:.5 A4:1 | B4:.5 A4:.5 G4:1 B4:.5 D5:.5 B4:1 |
A4:.5 F#4:.5 D4:.5 F#4:1 A4:.5 F#4:1 | E4:.5 F#4:.5 E4:.5 C#4:1 E4:.5 A4:1 |
F#4:.5 A4:.5 D5:1 A4:.5 F#4:.5 A4:1 | B4:.5 D5:.5 E5:1 D5:.5 B4:.5 D5:1 |
C#5:.5 B4:.5 A4:.5 E4:1 A4:.5 C#5:1 | D5:1 A4:.5 D5:1.5 r:1 |
B4:.75 B4:.75 A4:.5 G4:1 B4:1 | C#5:.75 C#5:.75 B4:.5 A4:1 E4:1 |
F#4:.5 A4:.5 F#4:.5 A4:.5 D5:1 A4:1 | D5:.5 C#5:.5 B4:.5 A4:.5 F#4:1 A4:1 |
B4:.75 B4:.75 D5:.5 E5:1 D5:1 | C#5:.5 D5:.5 E5:1 C#5:.5 A4:.5 C#5:1 |
D5:1 F#5:.5 D5:.5 A4:1 F#4:1 | A4:.5 D5:.5 r:.5 D5:1.5 r:1 |
F#4:.5 A4:.5 D5:1 A4:.5 F#4:.5 A4:1 | B4:.5 D5:.5 E5:1 D5:.5 B4:.5 D5:1 |
C#5:.5 D5:.5 E5:1 C#5:.5 A4:.5 C#5:1 | D5:.5 r:.5 D5:.5 r:2.5
"""
ANSWERS = """
r:16 r:16 D4:.75 D4:.75 D4:.5 B3:1 D4:1 | E4:.75 E4:.75 D4:.5 C#4:1 C#4:1 | r:4 | r:2 D4:1 F#4:1 |
G4:.75 G4:.75 B4:.5 B4:1 B4:1 | A4:.5 A4:.5 A4:1 A4:.5 E4:.5 E4:1 | F#4:1 A4:.5 F#4:.5 F#4:1 D4:1 | r:1.5 F#4:1.5 r:1 |
D4:.5 F#4:.5 A4:1 F#4:.5 D4:.5 F#4:1 | G4:.5 B4:.5 B4:1 B4:.5 G4:.5 B4:1 |
A4:.5 A4:.5 A4:1 A4:.5 E4:.5 A4:1 | F#4:.5 r:.5 F#4:.5 r:2.5
"""
MONTUNO = (0.0, 0.5, 1.5, 2.5, 3.5)
CLAVE = ((0.0, 1.5, 3.0), (1.0, 2.0))
CASCARA = ((0.0, 1.0, 1.5, 2.5, 3.0, 3.5), (0.5, 1.0, 2.0, 2.5, 3.5))


def render() -> NDArray[np.float32]:
    """Return the piece, shape (n, 2), at 48 kHz."""
    rng = np.random.default_rng(176)
    names = BARS.replace(" ", "")
    seconds = len(names) * BAR + 1.2
    band, kit, horns = Tape(seconds), Tape(seconds), Tape(seconds)
    for bar, name in enumerate(names):
        last = bar == len(names) - 1
        _rhythm(band, name, bar * BAR, rng, last)
        if last:
            for place in (0.0, 1.0):
                kit.add(drums.snare(rng), bar * BAR + place * BEAT, 0.6)
                kit.add(drums.kick(rng), bar * BAR + place * BEAT, 0.6)
            kit.add(drums.crash(rng), bar * BAR + BEAT, 0.3)
        else:
            _percussion(kit, bar, rng)
    for note in melody(TUNE, BEAT):
        _section(horns, note, rng, gain=0.15)
    for note in melody(ANSWERS, BEAT):
        _section(horns, note, rng, gain=0.11)
    mix = band.sound + kit.sound + horns.sound
    mix += 0.3 * reverb(0.6 * band.sound + kit.sound + 1.2 * horns.sound, 0.8, rng, damping=7000.0)
    return master(equalise(np.tanh(mix), high_pass(45.0)), rms_dbfs=-15.0)


def _section(tape: Tape, note: Note, rng: np.random.Generator, gain: float) -> None:
    """Play a note on three horns that are not quite together."""
    for seat in (-0.4, 0.05, 0.5):
        late = abs(rng.normal(0.0, 0.014))
        sound = brass(note.hz, note.seconds * rng.uniform(0.75, 0.95), rng)
        tape.add(sound, note.at + late, gain * rng.uniform(0.75, 1.15), seat)


def _rhythm(tape: Tape, name: str, at: float, rng: np.random.Generator, last: bool) -> None:
    """Play a bar of piano in octaves around the beat, and of bass ahead of it."""
    tones = chord(CHORDS[name])
    for i, place in enumerate(MONTUNO[:2] if last else MONTUNO):
        hz = tones[(0, 2, 1, 3, 2)[i]]
        for octave, gain in ((0.5, 0.22), (1.0, 0.3), (2.0, 0.2)):
            late = rng.normal(0.0, 0.006)
            tape.add(piano(octave * hz, 0.55 * BEAT, 0.9, rng), at + place * BEAT + late, gain, -0.35)
    root, fifth = chord(ROOTS[name])
    for place, hz, beats in ((0.0, root, 1.4), (1.5, fifth, 1.4), (3.0, root, 0.95))[: 1 if last else 3]:
        tape.add(bass(hz, beats * BEAT, rng, bright=0.6), at + place * BEAT + rng.normal(0.0, 0.004), 0.55)


def _percussion(kit: Tape, bar: int, rng: np.random.Generator) -> None:
    at = bar * BAR

    def strike(sound: Sound, place: float, gain: float, pan: float) -> None:
        kit.add(sound, at + place * BEAT + rng.normal(0.0, 0.004), gain * rng.uniform(0.75, 1.15), pan)

    for place in CLAVE[bar % 2]:
        strike(drums.clave(rng), place, 0.22, -0.6)
    for place in CASCARA[bar % 2]:
        strike(drums.hat(rng, 0.05), place, 0.25, 0.5)
        strike(drums.snare(rng, 0.03), place, 0.16, 0.4)
    for quarter in range(4):
        strike(
            drums.cowbell(rng, 560.0 if quarter % 2 == 0 else 600.0), quarter, 0.20 if quarter % 2 == 0 else 0.12, 0.2
        )
        strike(drums.shaker(rng), quarter, 0.3, -0.5)
        strike(drums.shaker(rng), quarter + 0.5, 0.22, -0.5)
    for place, hz, slap in (
        (0.0, 190.0, False),
        (1.0, 230.0, True),
        (2.0, 190.0, False),
        (3.0, 230.0, False),
        (3.5, 230.0, False),
    ):
        strike(drums.conga(rng, hz, slap), place, 0.45, -0.2)
    for place in (0.5, 1.5, 2.5):
        strike(drums.conga(rng, 230.0, slap=True), place, 0.13, -0.2)
    strike(drums.kick(rng, 55.0, 0.2), 1.5, 0.3, 0.0)
    strike(drums.kick(rng, 55.0, 0.2), 3.0, 0.35, 0.0)
    if bar % 4 == 3:
        for i in range(4):
            strike(drums.tom(rng, 260.0 if i < 2 else 200.0), 2.0 + 0.5 * i, 0.35, 0.5)
