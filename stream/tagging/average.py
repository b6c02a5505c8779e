"""Running averages of a track's mood.

    average = Mean() | ExponentialAverage(half_life=30.0) | Latest()
    average.add(probabilities, at=12.0)
    average.value()                        # (labels,) or None before the first window
    average.restore(other.state())         # go on where another average was

The mean over a track's windows is the papers' song score.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]


class Average(Protocol):
    """What a session needs of an average."""

    count: int
    """Windows added so far."""

    def add(self, probabilities: NDArray[np.floating], at: float) -> None:
        """Take the probabilities of one window, shape (labels,), that began ``at`` seconds into the stream."""
        ...

    def value(self) -> Probabilities | None:
        """Return the average so far, shape (labels,), or None if nothing was added."""
        ...

    def state(self) -> dict[str, Any]:
        """Return all it knows as plain JSON values: ``sum`` (a list, or None), ``count`` and what its kind needs."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` of an average of the same kind returned."""
        ...


class Mean:
    """The arithmetic mean of all windows, summed in float64."""

    def __init__(self) -> None:
        self.count = 0
        self._sum: Probabilities | None = None

    def add(self, probabilities: NDArray[np.floating], at: float) -> None:
        """Take one window; when it began does not matter."""
        values = probabilities.astype(np.float64)
        self._sum = values if self._sum is None else self._sum + values
        self.count += 1

    def value(self) -> Probabilities | None:
        """Return the mean so far."""
        return None if self._sum is None else self._sum / self.count

    def state(self) -> dict[str, Any]:
        """Return the sum and the count."""
        return {"sum": _listed(self._sum), "count": self.count}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a sum and a count."""
        self._sum, self.count = _array(state["sum"]), int(state["count"])


class ExponentialAverage:
    """An average whose memory fades: a window counts half as much after ``half_life`` seconds.

    It is the weighted mean with weights 2^(-age / half_life), so it is unbiased from the first window on, and time that
    passes without a scored window (silence, a gap) fades the old ones as well.
    """

    def __init__(self, half_life: float) -> None:
        if not half_life > 0:
            raise ValueError(f"a half-life is longer than 0 seconds, not {half_life}")
        self.count = 0
        self._half_life = half_life
        self._sum: Probabilities | None = None
        self._weight = 0.0
        self._at = 0.0

    def add(self, probabilities: NDArray[np.floating], at: float) -> None:
        """Take one window that began ``at`` seconds into the stream."""
        values = probabilities.astype(np.float64)
        fade = 0.5 ** (max(0.0, at - self._at) / self._half_life)
        self._sum = values if self._sum is None else self._sum * fade + values
        self._weight = self._weight * fade + 1.0
        self._at = at
        self.count += 1

    def value(self) -> Probabilities | None:
        """Return the average so far."""
        return None if self._sum is None else self._sum / self._weight

    def state(self) -> dict[str, Any]:
        """Return the weighted sum, the weight, when that was, and the count."""
        return {"sum": _listed(self._sum), "count": self.count, "weight": self._weight, "at": self._at}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a weighted sum."""
        self._sum, self.count = _array(state["sum"]), int(state["count"])
        self._weight, self._at = float(state["weight"]), float(state["at"])


class Latest:
    """No average: the last window itself."""

    def __init__(self) -> None:
        self.count = 0
        self._last: Probabilities | None = None

    def add(self, probabilities: NDArray[np.floating], at: float) -> None:
        """Take one window; it replaces the one before."""
        self._last = probabilities.astype(np.float64)
        self.count += 1

    def value(self) -> Probabilities | None:
        """Return the last window's probabilities."""
        return self._last

    def state(self) -> dict[str, Any]:
        """Return the last window and the count."""
        return {"sum": _listed(self._last), "count": self.count}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a last window."""
        self._last, self.count = _array(state["sum"]), int(state["count"])


def _listed(values: Probabilities | None) -> list[float] | None:
    return None if values is None else values.tolist()


def _array(values: list[float] | None) -> Probabilities | None:
    return None if values is None else np.array(values, dtype=np.float64)
