"""How long to wait before trying again.

backoff = Backoff()
stop.wait(backoff.next())      # 0.5 s, 1 s, 2 s, ... 30 s, each drawn from its upper half
backoff.reset()                # it works again
"""

from __future__ import annotations

import random


class Backoff:
    """Doubling waits with jitter, so that many listeners do not come back to a server at the same moment."""

    def __init__(self, first: float = 0.5, longest: float = 30.0) -> None:
        """Begin.

        Args:
            first: upper bound of the first wait, in seconds.
            longest: upper bound of every wait, in seconds.
        """
        self._first = first
        self._longest = longest
        self._bound = first

    def next(self) -> float:
        """Return the next wait, in seconds."""
        wait = self._bound * random.uniform(0.5, 1.0)
        self._bound = min(self._longest, self._bound * 2)
        return wait

    def reset(self) -> None:
        """Start again with short waits."""
        self._bound = self._first
