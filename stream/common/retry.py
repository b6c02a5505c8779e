"""How long to wait before something is tried again, and how often something is said again.

backoff = Backoff(first=0.5, longest=30.0)
stop.wait(backoff.next())              # longer after each failure in a row
backoff.reset()                        # it worked

throttle = Throttle(again_after=30.0)
if throttle.allows("no coordinator"): logger.warning(...)
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Hashable


class Backoff:
    """Doubling waits with jitter, so that many clients do not come back to a server at the same moment."""

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


class Throttle:
    """Allows something once, or again only after a while; each key counts for itself."""

    def __init__(self, again_after: float = math.inf) -> None:
        """Begin with nothing said; ``again_after`` is in seconds."""
        self._again_after = again_after
        self._last: dict[Hashable, float] = {}

    def allows(self, key: Hashable = None) -> bool:
        """Say whether it may be said now, and count it as said if so."""
        now = time.monotonic()
        if now - self._last.get(key, -math.inf) < self._again_after:
            return False
        self._last[key] = now
        return True

    def forget(self, key: Hashable = None) -> None:
        """Allow it again at once."""
        self._last.pop(key, None)


def is_milestone(count: int) -> bool:
    """Say whether a count is 1, 10, 100, …: what is counted without end is logged at these."""
    return str(count).strip("0") == "1"
