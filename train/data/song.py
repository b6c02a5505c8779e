"""One annotated song: what every data set is read into. A field that a data set does not annotate is None."""

from __future__ import annotations

import dataclasses
from pathlib import Path

QUADRANTS = ("happy", "angry", "sad", "calm")
"""Russell's quadrants Q1 to Q4, in that order."""

EMOTIONS = ("happy", "tense", "sad", "calm", "tender", "nostalgic", "solemn", "powerful")
"""The moods that Emotify's listeners annotated, under the names that users see."""

MOODS = ("happy", "angry", "sad", "calm", "tense", "tender", "nostalgic", "solemn", "powerful")
"""The nine moods of the default model, in the order of its output."""

NEGATIVE = "negative"
"""Name of the data set of sound that is not music."""
POSITIVE_RATE = 0.3
"""An Emotify emotion counts as present where at least this share of the listeners felt it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Song:
    """A song with its labels.

    Attributes:
        dataset: name of the data set, also that of its folder and table.
        id: unique in its data set.
        path: audio file.
        split: ``train`` or ``validation``; splits share no artist.
        artist: as the data set writes it.
        year: of publication.
        quadrant: 0 to 3, index into QUADRANTS.
        emotions: share of listeners (0…1) who felt each of EMOTIONS.
        ratings: mean valence and arousal, 1…5.
        tags: AllMusic mood tags.
        genres: of the data set's own vocabulary.
        feels: the composer's tags.
    """

    dataset: str
    id: str
    path: Path
    split: str
    artist: str
    year: int | None = None
    quadrant: int | None = None
    emotions: tuple[float, ...] | None = None
    ratings: tuple[float, float] | None = None
    tags: tuple[str, ...] | None = None
    genres: tuple[str, ...] | None = None
    feels: tuple[str, ...] | None = None

    @property
    def key(self) -> str:
        """Name that is unique over all data sets."""
        return f"{self.dataset}/{self.id}"


def split_list(text: str) -> tuple[str, ...]:
    """Return the parts of a list written with semicolons, without empty ones."""
    return tuple(part.strip() for part in text.split(";") if part.strip())
