"""Notes on paper, and the tape they are recorded on.

for note in melody("F#5:1 A5:1 r:2", beat=0.5): ...     # note.hz, note.at, note.seconds
tape = Tape(seconds=30.0)
tape.add(sound, at=1.5, gain=0.5, pan=-0.3)
"""

from __future__ import annotations

import dataclasses

import numpy as np

from stream.demo.effects import SAMPLERATE, Sound

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """A note: its frequency in Hz, and when it begins and how long it lasts, both in seconds."""

    hz: float
    at: float
    seconds: float


def pitch(name: str) -> float:
    """Return the frequency of a note in Hz: ``A4`` is 440, ``C#5`` and ``Bb2`` as written."""
    letter, octave = name.rstrip("0123456789"), int(name.lstrip("ABCDEFG#b"))
    semitone = _SEMITONES[letter[0]] + letter.count("#") - letter.count("b")
    return float(440.0 * 2.0 ** ((12 * (octave + 1) + semitone - 69) / 12.0))


def chord(names: str) -> list[float]:
    """Return the frequencies of a chord written as ``D3 A3 F#4``, in Hz."""
    return [pitch(name) for name in names.split()]


def melody(text: str, beat: float, at: float = 0.0) -> list[Note]:
    """Read notes written as ``name:beats``, one after the other; ``r`` is a rest and bars (``|``) are for the eye.

    Args:
        text: the notes.
        beat: length of a beat, in seconds.
        at: when the first note begins, in seconds.
    """
    notes = []
    for word in text.replace("|", " ").split():
        name, _, beats = word.partition(":")
        seconds = float(beats) * beat
        if name != "r":
            notes.append(Note(pitch(name), at, seconds))
        at += seconds
    return notes


class Tape:
    """A stereo track to add sounds to, shape (n, 2) in :attr:`sound`."""

    def __init__(self, seconds: float) -> None:
        self.sound: Sound = np.zeros((int(seconds * SAMPLERATE), 2))

    def add(self, sound: Sound, at: float = 0.0, gain: float = 1.0, pan: float = 0.0) -> None:
        """Mix a sound in.

        Args:
            sound: shape (n,) or (n, 2); what runs over the end of the tape is cut.
            at: when it begins, in seconds; a moment before the beginning counts as the beginning.
            gain: factor.
            pan: from -1 (left) to 1 (right), of equal power.
        """
        begin = max(0, round(at * SAMPLERATE))
        piece = sound[: max(0, len(self.sound) - begin)]
        if piece.ndim == 1:
            piece = np.stack([piece, piece], axis=1)
        angle = (pan + 1.0) * np.pi / 4.0
        sides = np.sqrt(2.0) * np.array([np.cos(angle), np.sin(angle)])
        self.sound[begin : begin + len(piece)] += gain * sides * piece
