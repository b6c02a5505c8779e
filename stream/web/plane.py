"""Where moods lie on the plane of valence (pleasant or not) and arousal (excited or not).

    valence_arousal({"happy": 0.7, "angry": 0.0, "sad": 0.1, "calm": 0.4})       # (1.0, 0.2)
    valence_arousal({"rock": 0.9})                                              # None

The four moods are the quadrants of the circle in J. A. Russell, "A circumplex model of affect" (1980).
"""

from __future__ import annotations

from stream.tagging.record import Moods

_QUADRANTS = ("happy", "angry", "sad", "calm")


def valence_arousal(moods: Moods | None) -> tuple[float, float] | None:
    """Return valence and arousal, each from -2 to 2, or None where one of the four moods is not there.

    valence = happy + calm - angry - sad, arousal = happy + angry - sad - calm.

    Args:
        moods: probabilities, 0 to 1.
    """
    if moods is None or any(mood not in moods for mood in _QUADRANTS):
        return None
    happy, angry, sad, calm = (moods[mood] for mood in _QUADRANTS)
    return happy + calm - angry - sad, happy + angry - sad - calm
