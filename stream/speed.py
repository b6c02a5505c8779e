"""How fast sound is worked through, for the metric ``realtime_factor``.

speed = Speed()
factor = speed.add(audio=1.0, busy=0.004)      # None until there are some seconds of sound to say it of
"""

from __future__ import annotations

_OVER_SECONDS = 5.0


class Speed:
    """Sound worked through per second of work, over some seconds of sound."""

    def __init__(self) -> None:
        self._audio = 0.0
        self._busy = 0.0

    def add(self, audio: float, busy: float) -> float | None:
        """Take seconds of sound and the seconds of work they took; return the factor now and then, else None."""
        self._audio += audio
        self._busy += busy
        if self._audio < _OVER_SECONDS or self._busy <= 0.0:
            return None
        factor = self._audio / self._busy
        self._audio = self._busy = 0.0
        return factor
