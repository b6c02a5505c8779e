"""Iron Teeth: angry. E phrygian with its tritone, 172 to the minute, two overdriven guitars and a double bass drum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream.demo import drums
from stream.demo.effects import Sound, equalise, high_pass, low_pass, master, overdrive, peak, reverb
from stream.demo.instruments import pluck
from stream.demo.score import Note, Tape, melody
from stream.demo.voice import growled

BEAT = 60.0 / 172.0
BAR = 4 * BEAT

# Muted strokes on the low string between chords that are let ring: two voices on paper, one pair of hands.
MUTED_A = "E2:.5 E2:.25 E2:.25 E2:.5 r:.5 E2:.5 E2:.25 E2:.25 r:1"
RINGING_A = ("r:1.5 F2:.5 r:1 Bb2:.5 A2:.5", "r:1.5 G2:.5 r:1 F2:.75 r:.25")
MUTED_B = "E2:.25 E2:.25 E2:.25 E2:.25 E2:.25 E2:.25 E2:.25 E2:.25 r:2"
RINGING_B = ("r:2 F2:1 Bb2:1", "r:2 B2:.5 Bb2:.5 A2:.5 F2:.5")
RINGING_C = ("E2:2 F2:1 E2:1", "Bb2:2 A2:1 F2:1")
LEAD = """
E5:.25 F5:.25 E5:.25 F5:.25 E5:.25 F5:.25 E5:.25 F5:.25 Bb5:.25 A5:.25 Bb5:.25 A5:.25 F5:.25 E5:.25 F5:.25 E5:.25 |
D#5:.25 E5:.25 D#5:.25 E5:.25 F5:.25 E5:.25 D#5:.25 E5:.25 Bb5:1 B5:1
"""
SHOUTS = {
    "A": ((0.5, 0.9), (1.5, 0.4), (2.0, 0.9), (3.0, 0.8)),
    "B": ((0.0, 0.4), (0.5, 0.4), (1.0, 0.9), (2.0, 1.9)),
    "C": ((0.0, 2.8),),
    "E": ((0.0, 2.5),),
}
FORM = "AAAACCBBBBAAAACCCCE"


def render() -> NDArray[np.float32]:
    """Return the piece, shape (n, 2), at 48 kHz."""
    rng = np.random.default_rng(666)
    seconds = len(FORM) * BAR + 1.6
    left, right, low, lead, kit, shouts = (Tape(seconds) for _ in range(6))
    for bar, part in enumerate(FORM):
        at = bar * BAR
        muted, ringing = _part(part, bar)
        for tape in (left, right):  # played twice, not copied: that is what makes it wide
            _guitar(tape, melody(muted, BEAT, at), rng, muted=True)
            _guitar(tape, melody(ringing, BEAT, at), rng, muted=False)
        for note in melody(muted, BEAT, at) + melody(ringing, BEAT, at):
            low.add(pluck(note.hz / 2.0, note.seconds, 0.8, rng, damping=0.992), note.at, 0.8)
        if part == "C":
            for note in melody(LEAD.split("|")[bar % 2], BEAT, at):
                lead.add(pluck(note.hz, note.seconds + 0.02, 1.0, rng, damping=0.999), note.at, 0.8)
                lead.add(pluck(note.hz * 2 ** (1 / 12), note.seconds + 0.02, 1.0, rng, damping=0.999), note.at, 0.5)
        _drums(kit, part, at, rng)
        for place, beats in SHOUTS[part]:
            for throat, pan in ((1.0, -0.15), (1.25, 0.2)):
                shouts.add(growled(beats * BEAT, rng, throat), at + place * BEAT, 0.5, pan)
    wall = np.stack([_amplifier(left.sound[:, 0], 20.0), _amplifier(right.sound[:, 0], 16.0)], axis=1)
    growl = equalise(overdrive(low.sound[:, 0], 3.0), low_pass(1800.0), high_pass(38.0))
    scream = _amplifier(lead.sound[:, 0], 20.0)
    mix = Tape(seconds)
    mix.add(wall, gain=0.5)
    mix.add(growl, gain=0.5)
    mix.add(scream, gain=0.22)
    mix.add(kit.sound, gain=1.0)
    mix.add(shouts.sound, gain=1.2)
    mix.add(reverb(kit.sound + 0.3 * wall + 0.5 * shouts.sound, 0.7, rng), gain=0.14)
    scooped = equalise(mix.sound, peak(100.0, 5.0, 2.0), peak(700.0, -5.0, 2.5), peak(3000.0, 3.0, 1.5))
    return master(np.tanh(1.2 * scooped), rms_dbfs=-12.5, fade_seconds=1.4)


def _part(part: str, bar: int) -> tuple[str, str]:
    match part:
        case "A":
            return MUTED_A, RINGING_A[bar % 2]
        case "B":
            return MUTED_B, RINGING_B[bar % 2]
        case "C":
            return "r:4", RINGING_C[bar % 2]
        case _:
            return "r:4", "E2:4"


def _guitar(tape: Tape, notes: list[Note], rng: np.random.Generator, muted: bool) -> None:
    """Play power chords (root, fifth, octave); a muted one dies under the palm."""
    for note in notes:
        at = note.at + abs(rng.normal(0.0, 0.004))
        for interval, gain in ((1.0, 1.0), (1.4983, 0.8), (2.0, 0.7)):
            hz = note.hz * interval * 2.0 ** (rng.normal(0.0, 4.0) / 1200.0)
            if muted:
                string = pluck(hz, min(note.seconds, 0.14), 0.6, rng, damping=0.72)
            else:
                string = pluck(hz, note.seconds + 0.02, 1.0, rng, damping=0.999)
            tape.add(string, at, gain * (1.0 if muted else 0.8))


def _amplifier(clean: Sound, drive: float) -> Sound:
    """Return a clean guitar through two stages of overdrive and a loudspeaker in a closed box."""
    driven = overdrive(equalise(clean, high_pass(110.0), peak(800.0, 4.0, 2.0)), drive)
    driven = overdrive(driven, 2.0)
    box = (high_pass(80.0), peak(120.0, 3.0), peak(450.0, -4.0), peak(2600.0, 3.0), low_pass(5000.0, 4))
    return equalise(driven, *box)


def _drums(kit: Tape, part: str, at: float, rng: np.random.Generator) -> None:
    if part == "E":
        kit.add(drums.kick(rng, 45.0, 0.8), at, 0.9)
        kit.add(drums.crash(rng), at, 0.5, 0.4)
        kit.add(drums.crash(rng), at, 0.5, -0.4)
        return
    for sixteenth in range(16):
        if part != "B" or sixteenth % 8 not in (6, 7):
            weight = 0.85 if sixteenth % 2 == 0 else 0.7
            kit.add(drums.kick(rng, 45.0, 0.9), at + sixteenth * BEAT / 4, weight * (1.0 if part != "C" else 0.85))
    beats = (0.5, 1.5, 2.5, 3.5) if part == "B" else (1.0, 3.0)
    for place in beats:
        kit.add(drums.snare(rng, 0.14), at + place * BEAT, 0.9)
    for quarter in range(4):
        kit.add(drums.hat(rng, 0.22), at + quarter * BEAT, 0.32, 0.4)
    if part in "AC":
        kit.add(drums.crash(rng), at, 0.38, -0.5)
    if part == "C":
        kit.add(drums.crash(rng), at + 2 * BEAT, 0.34, 0.5)
