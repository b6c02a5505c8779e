"""What came out of one song: its score, or why it has none.

Score(probabilities=(0.7, 0.1), windows=20)
"songs/a.mp3: no such file"            # a reason is a plain string
"""

from __future__ import annotations

import dataclasses

SILENCE_DBFS = -120.0
"""A window below this level is silence and has no score, offline as in the stream (its lowest ``--min-rms``)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Score:
    """A song's score.

    Attributes:
        probabilities: the mean over its windows, one a label of the model.
        windows: how many these were.
    """

    probabilities: tuple[float, ...]
    windows: int


Outcome = Score | str
"""A score, or in one line why there is none."""


def too_short(seconds: float, needed: float) -> str:
    """Return the reason of a song that holds no whole window; both in seconds."""
    return f"shorter than one window ({seconds:.2f} s of {needed:.3f} s)"


ALL_SILENT = "silence throughout"
