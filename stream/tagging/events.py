"""Moods that begin and end: two thresholds and a minimum duration, per mood.

    detector = EventDetector(labels, threshold=0.5, threshold_off=0.4, min_duration=5.0)
    for change in detector.feed(probabilities, start_s, end_s):
        change.mood, change.phase, change.at_s
    detector.flush(end_s)                  # the track ended: what goes on, ends
    detector.restore(other.state())        # go on where another detector was

A mood begins once its window probability has reached ``threshold`` and stayed at or above ``threshold_off`` for
``min_duration`` seconds, and ends once it has stayed below ``threshold_off`` for as long. Both are dated to where the
change set in, not to where it was believed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """A mood that ``began`` or ``ended`` at ``at_s`` seconds into the stream, where it had this probability."""

    mood: str
    phase: Literal["began", "ended"]
    at_s: float
    probability: float


@dataclasses.dataclass(slots=True)
class _Mood:
    on: bool = False
    since: float | None = None  # where a change that is not yet believed set in
    value: float = 0.0  # the probability there
    last: float = 0.0


class EventDetector:
    """Hysteresis over the window probabilities of one track."""

    def __init__(self, labels: Sequence[str], threshold: float, threshold_off: float, min_duration: float) -> None:
        if not 0.0 <= threshold_off <= threshold <= 1.0:
            raise ValueError("thresholds must satisfy 0 <= off <= on <= 1")
        self._labels = tuple(labels)
        self._on = threshold
        self._off = threshold_off
        self._min_duration = min_duration
        self._moods = [_Mood() for _ in self._labels]

    def feed(self, probabilities: NDArray[np.floating] | None, start_s: float, end_s: float) -> list[Change]:
        """Take one window and return what changed.

        Args:
            probabilities: shape (labels,), or None for a silent window, in which no mood sounds.
            start_s: where it begins in the stream, in seconds.
            end_s: where it ends.
        """
        silent = probabilities is None
        values = [0.0] * len(self._labels) if probabilities is None else probabilities.tolist()
        changes = []
        for name, mood, value in zip(self._labels, self._moods, values, strict=True):
            mood.last = value
            # Between the thresholds a mood keeps its state, and a change that set in is neither helped nor undone,
            # except that a beginning needs only to stay above the lower one.
            if mood.on:
                against = silent or value < self._off
            else:
                against = not silent and (value >= self._on or (mood.since is not None and value >= self._off))
            if not against:
                mood.since = None
                continue
            if mood.since is None:
                mood.since, mood.value = start_s, value
            if end_s - mood.since >= self._min_duration:
                mood.on = not mood.on
                changes.append(Change(name, "began" if mood.on else "ended", mood.since, mood.value))
                mood.since = None
        return changes

    def flush(self, end_s: float) -> list[Change]:
        """End every mood that goes on, at ``end_s``."""
        changes = [
            Change(name, "ended", end_s, mood.last)
            for name, mood in zip(self._labels, self._moods, strict=True)
            if mood.on
        ]
        self._moods = [_Mood() for _ in self._labels]
        return changes

    def state(self) -> list[list[Any]]:
        """Return what it knows of each mood, in the order of the labels, as plain JSON values."""
        return [[mood.on, mood.since, mood.value, mood.last] for mood in self._moods]

    def restore(self, state: Sequence[Sequence[Any]]) -> None:
        """Take over what :meth:`state` of a detector of the same labels returned."""
        self._moods = [_Mood(*mood) for mood in state]
