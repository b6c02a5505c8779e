"""The colour of each mood, on the screen, in pictures and on dashboards; the page's hues follow it (`hues.js`).

colours(("happy", "dreamy"))               # {"happy": "#d7a22a", "dreamy": "#2a9db5"}
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

MOOD_COLOURS = {
    "happy": "#d7a22a",
    "angry": "#d75f5f",
    "sad": "#5f87d7",
    "calm": "#4fa86b",
    "tense": "#d78740",
    "tender": "#d787af",
    "nostalgic": "#9f7fd1",
    "solemn": "#7f8fa6",
    "powerful": "#c0504d",
}
_OTHERS = ("#2a9db5", "#8aa83c", "#c9622b", "#6e7fd1", "#b4588e", "#4f8a4b", "#99744c", "#747c88")
"""For moods of other models, in their order."""


def colours(labels: Sequence[str]) -> dict[str, str]:
    """Return a colour for each mood, as ``#rrggbb``."""
    others = itertools.cycle(_OTHERS)
    return {label: MOOD_COLOURS.get(label) or next(others) for label in labels}
