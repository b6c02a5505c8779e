"""The demo's pieces, in the order in which they are played.

for piece in PIECES:
    piece.title, piece.mood, piece.path
"""

from __future__ import annotations

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the demo.

    Attributes:
        name: of its file and of the module that composes it.
        title: for people.
        mood: what it is meant to be; what a model hears in it is another matter.
    """

    name: str
    title: str
    mood: str

    @property
    def path(self) -> Path:
        """The recording: Ogg Opus, stereo."""
        return Path(__file__).with_name(f"{self.name}.opus")


PIECES = (
    Piece("market_day", "Market Day", "happy"),
    Piece("empty_house", "Empty House", "sad"),
    Piece("iron_teeth", "Iron Teeth", "angry"),
    Piece("still_water", "Still Water", "calm"),
)
