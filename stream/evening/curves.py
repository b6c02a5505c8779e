"""What the picture of an evening draws: smoothed moods, who leads, and where it is silent.

times, means = smoothed(evening, "happy")
for begin, end, mood in runs(leaders(evening)): ...
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from stream.evening.evening import Evening, leading

_PARTS = 60  # a point of a line is the mean over so small a part of the evening

Run = tuple[float, float, str]
"""From, to (seconds on the axis), and what is the same all the while."""


def smoothed(evening: Evening, mood: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times and centred means of a mood, broken (NaN) where there is none for longer than a window."""
    windows = evening.windows
    values = np.array([(window.moods or {}).get(mood, math.nan) for window in windows])
    times = np.array([(window.begin + window.end) / 2 for window in windows])
    half = len(windows) // (2 * _PARTS)
    known = np.where(np.isnan(values), 0.0, values)
    kernel = np.ones(2 * half + 1)
    counts = np.convolve(~np.isnan(values), kernel, "same")
    means = np.convolve(known, kernel, "same") / np.maximum(counts, 1)
    means[np.isnan(values)] = math.nan
    breaks = np.flatnonzero(np.diff(times) > 3 * np.median([window.end - window.begin for window in windows])) + 1
    return np.insert(times, breaks, times[breaks - 1]), np.insert(means, breaks, math.nan)


def leaders(evening: Evening) -> Iterator[Run]:
    """Return who leads each scored window, by the smoothed moods; windows that no mood leads are left out."""
    labels = evening.labels
    curves = {mood: dict(zip(*smoothed(evening, mood), strict=True)) for mood in labels}
    for window in evening.windows:
        if window.moods:
            at = (window.begin + window.end) / 2
            mood = leading({mood: _or_zero(curves[mood].get(at)) for mood in window.moods})
            if mood is not None:
                yield window.begin, window.end, mood


def statuses(evening: Evening) -> Iterator[Run]:
    """Return the status of each window."""
    return ((window.begin, window.end, window.status) for window in evening.windows)


def runs(parts: Iterable[Run]) -> list[Run]:
    """Join parts that touch and say the same."""
    joined: list[Run] = []
    for begin, end, what in parts:
        if joined and joined[-1][2] == what and begin <= joined[-1][1] + 0.5:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]), what)
        else:
            joined.append((begin, end, what))
    return joined


def _or_zero(value: float | None) -> float:
    return 0.0 if value is None or math.isnan(value) else value
