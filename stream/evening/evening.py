"""The mood of an evening: what a recorded session says, on one axis of time.

    evening = Evening.of(recording.rows)               # or of one stream by its name
    evening.windows, evening.lasting, evening.finals
    evening.shares()                                    # {"happy": 0.42, ...}: how long each mood leads

The axis is in seconds since the beginning. A live stream's is the clock on the wall; that of files which were heard
faster than they play is their own time, one file after the other, each as long as it is.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from stream.common.errors import StreamError
from stream.evening.reader import Row

_LIVE = 0.8  # of the sound's length: heard in less time, it was not played
_NONE = 0.005  # a mood that is lower is shown as 0 %, and leads nothing


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """A window from ``begin`` to ``end`` on the axis, and its moods; None if it is silent or a gap."""

    begin: float
    end: float
    status: str
    moods: dict[str, float] | None


@dataclasses.dataclass(frozen=True, slots=True)
class Lasting:
    """A mood that was said to have begun at ``begin`` and to have ended at ``end``."""

    mood: str
    begin: float
    end: float


@dataclasses.dataclass(frozen=True, slots=True)
class Track:
    """A track that ended, with its final."""

    name: str
    begin: float
    end: float
    status: str
    moods: dict[str, float] | None
    windows: int
    model: str


def leading(moods: Mapping[str, float] | None) -> str | None:
    """Return the highest mood; None where there is none at all, as in a tone."""
    highest = max(moods, key=moods.__getitem__) if moods else None
    return highest if moods and highest is not None and moods[highest] >= _NONE else None


@dataclasses.dataclass(frozen=True, slots=True)
class Evening:
    """One picture's worth.

    Attributes:
        names: the streams in it.
        others: streams that are not.
        began: when its first record was written.
        is_live: the axis is the clock on the wall.
        windows: in their order.
        lasting: moods that began and ended.
        tracks: that ended.
        troubles: news of the source that were not good.
    """

    names: list[str]
    others: list[str]
    began: datetime
    is_live: bool
    windows: list[Window]
    lasting: list[Lasting]
    tracks: list[Track]
    troubles: int

    @classmethod
    def of(cls, rows: Sequence[Row], stream: str | None = None) -> Evening:
        """Lay out a recording.

        Args:
            rows: by time.
            stream: only this one. Else: of live streams the one with the most windows; of files all.

        Raises:
            StreamError: there is no window of it.
        """
        streams: dict[str, list[Row]] = {}
        for row in rows:
            streams.setdefault(row["stream"], []).append(row)
        counts = {name: sum(row["type"] == "estimate" for row in own) for name, own in streams.items()}
        if stream is not None and stream not in streams:
            raise StreamError(f"there is no stream {stream!r} in it; there are {', '.join(map(repr, streams))}")
        is_live = any(_was_live(own) for name, own in streams.items() if stream in (None, name))
        chosen = [stream] if stream is not None else list(streams)
        if stream is None and is_live:
            chosen = [max(counts, key=counts.__getitem__)]
        if not any(counts[name] for name in chosen):
            raise StreamError("there is no window in it: what was heard was shorter than one")
        kept = [row for name in chosen for row in streams[name]]
        layout = _Layout(is_live, kept)
        for name in chosen:
            layout.add(name, streams[name])
        return cls(
            names=chosen,
            others=[name for name in streams if name not in chosen],
            began=layout.began,
            is_live=is_live,
            windows=layout.windows,
            lasting=layout.lasting,
            tracks=layout.tracks,
            troubles=sum(row["type"] == "status" and row.get("status") != "up" for row in kept),
        )

    @property
    def length(self) -> float:
        """Seconds on the axis: to the end of the last track, or of the last window if that goes on."""
        return max([window.end for window in self.windows] + [track.end for track in self.tracks])

    @property
    def labels(self) -> list[str]:
        """All moods, the one that leads longest first."""
        known = dict.fromkeys(mood for window in self.windows for mood in window.moods or {})
        shares, means = self.shares(), self.means()
        return sorted(known, key=lambda mood: (-shares.get(mood, 0.0), -means[mood]))

    def shares(self) -> dict[str, float]:
        """How large a part of the scored windows each mood leads, by those that lead any."""
        leaders = Counter(leading(window.moods) for window in self.windows if window.moods)
        return {mood: count / leaders.total() for mood, count in leaders.most_common() if mood is not None}

    def means(self) -> dict[str, float]:
        """Mean of each mood over the windows that have it."""
        sums: Counter[str] = Counter()
        values: dict[str, float] = {}
        for window in self.windows:
            for mood, value in (window.moods or {}).items():
                sums[mood] += 1
                values[mood] = values.get(mood, 0.0) + value
        return {mood: values[mood] / count for mood, count in sums.items()}

    def seconds(self, status: str) -> float:
        """How long windows of a status lasted, where they overlap once."""
        total, until = 0.0, 0.0
        for window in self.windows:
            if window.status == status:
                total += max(0.0, window.end - max(window.begin, until))
                until = max(until, window.end)
        return total


class _Layout:
    """Puts rows on the axis."""

    def __init__(self, is_live: bool, rows: Sequence[Row]) -> None:
        self.windows: list[Window] = []
        self.lasting: list[Lasting] = []
        self.tracks: list[Track] = []
        first = next(row for row in rows if row["type"] == "estimate")
        self.began = first["time"]
        # A window is written at its end, or a moment later.
        self._zero = first["time"].timestamp() - (first["end_s"] - first["start_s"])
        self._is_live = is_live
        self._after = 0.0  # where the next file begins

    def add(self, name: str, rows: Sequence[Row]) -> None:
        open_moods: dict[str, float] = {}
        shift = self._after
        for row in rows:
            # All of a live row is as far from the clock as its end is: restarts begin to count at 0 again.
            last = row["at_s"] if row["type"] == "event" else row["end_s"]
            if row["type"] == "estimate":
                if self._is_live:
                    shift = row["time"].timestamp() - self._zero - last
                elif row["start_s"] == 0.0:
                    shift = self._after  # the file is heard once more
            match row["type"]:
                case "estimate":
                    self.windows.append(Window(shift + row["start_s"], shift + last, row["status"], row["mood"]))
                    self._after = max(self._after, shift + last)
                case "event" if row.get("event") == "began":
                    open_moods[row["mood_name"]] = shift + last
                case "event":
                    begin = open_moods.pop(row["mood_name"], None)
                    if begin is not None:
                        self.lasting.append(Lasting(row["mood_name"], begin, max(begin, shift + last)))
                case "final":
                    self._track(name, row, shift)
        self.lasting += [Lasting(mood, begin, self._after) for mood, begin in open_moods.items()]

    def _track(self, name: str, row: Row, shift: float) -> None:
        model = (row.get("model") or {}).get("name", "")
        title = row["track"] or name
        # Of a live track that had begun before the recording, the axis has no more than the rest.
        begin, end = max(0.0, shift + row["start_s"]), shift + row["end_s"]
        self._after = max(self._after, end)
        status = row.get("status") or "ok"
        self.tracks.append(Track(title, begin, end, status, row["running"], row["windows"], str(model)))


def _was_live(rows: Sequence[Row]) -> bool:
    windows = [row for row in rows if row["type"] == "estimate"]
    if len(windows) < 2:
        return False
    sound, wall = 0.0, 0.0
    for before, after in itertools.pairwise(windows):
        if after["end_s"] > before["end_s"]:  # else it began anew, after who knows how long
            sound += after["end_s"] - before["end_s"]
            wall += (after["time"] - before["time"]).total_seconds()
    return bool(sound > 0.0 and wall >= _LIVE * sound)


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
