"""Russell's plane of valence and arousal, and the four moods of its quadrants.

valence, arousal = valence_arousal(happy=0.5, angry=0.1, sad=0.2, calm=0.2)

Source: Russell, A circumplex model of affect, 1980.
"""

from __future__ import annotations

from typing import Any

QUADRANTS = ("happy", "angry", "sad", "calm")
VALENCE_SIGNS = (1.0, -1.0, -1.0, 1.0)
"""Happy and calm are pleasant."""
AROUSAL_SIGNS = (1.0, 1.0, -1.0, -1.0)
"""Happy and angry are active."""


def valence_arousal(happy: Any, angry: Any, sad: Any, calm: Any) -> tuple[Any, Any]:
    """Return valence and arousal of four probabilities: numbers, arrays or tensors of one shape.

    Each is −2…2 for independent probabilities, −1…1 where the four add up to 1.
    """
    return happy + calm - angry - sad, happy + angry - sad - calm
