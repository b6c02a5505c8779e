"""The records every sink writes (schema 1).

    for record in session.feed(chunk):
        line = json.dumps(record.to_json())

An :class:`Estimate` is one window, a :class:`Final` the whole of a track, an :class:`Event` a mood that began or ended,
a :class:`Status` news of a source.
"""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime
from typing import Any, Literal

from stream.common.text import rfc3339

SCHEMA = 1

WindowStatus = Literal["ok", "silence", "gap"]
Moods = dict[str, float]

SILENCE_DBFS = -120.0
"""What digital silence is said to measure: a level must be a number, and 0 dBFS is as loud as it gets."""


def dbfs(power: float) -> float:
    """Return a mean square in dB re full scale, 10 log10, floored at digital silence, to two decimals."""
    return round(max(SILENCE_DBFS, 10.0 * math.log10(power)), 2) if 0 < power < math.inf else SILENCE_DBFS


def power_of(level: float) -> float:
    """Return the mean square of a level in dB re full scale."""
    return math.pow(10.0, level / 10.0)


def timestamp() -> str:
    """Return the present as RFC 3339 UTC with milliseconds: ``2026-01-01T00:00:38.916Z``."""
    return rfc3339(datetime.now(UTC))


@dataclasses.dataclass(frozen=True, slots=True)
class ModelId:
    """Which model made an estimate."""

    name: str
    version: str
    sha256: str

    def to_json(self) -> dict[str, str]:
        """Return the record's ``model`` field."""
        return {"name": self.name, "version": self.version, "sha256": self.sha256}


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """One window.

    Attributes:
        stream: name of the stream.
        track: title of the track, or None.
        window: its number in the track, from 0.
        start_sample: where it begins, in 16 kHz samples from the beginning of the stream.
        start_s: the same in seconds.
        end_s: where it ends, in seconds from the beginning of the stream.
        status: ``ok``; ``silence`` or ``gap`` windows have no mood and stay out of the mean.
        rms_dbfs: level of the window in dB re full scale (a full-scale sine is -3.01); None for a gap.
        mood: probability of each mood in this window, or None.
        running: average so far in the track, or None before the first scored window.
        windows: how many windows are in ``running``.
        model: what scored it.
        inference_ms: time the network took, or None.
        feature_ms: time since the last window spent on downmix, resampling and mel frames (not written).
        captured_at: when its last sample was captured, seconds since the epoch, or None (not written).
        time: when the record was made.
    """

    stream: str
    track: str | None
    window: int
    start_sample: int
    start_s: float
    end_s: float
    status: WindowStatus
    rms_dbfs: float | None
    mood: Moods | None
    running: Moods | None
    windows: int
    model: ModelId
    inference_ms: float | None = None
    feature_ms: float | None = None
    captured_at: float | None = None
    time: str = dataclasses.field(default_factory=timestamp)
    type: Literal["estimate"] = "estimate"

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values, keys in the order of the schema."""
        return {
            **_head(self),
            "window": self.window,
            "start_sample": self.start_sample,
            "start_s": self.start_s,
            "end_s": self.end_s,
            "time": self.time,
            "status": self.status,
            "rms_dbfs": self.rms_dbfs,
            "mood": self.mood,
            "running": self.running,
            "windows": self.windows,
            "model": self.model.to_json(),
            "inference_ms": self.inference_ms,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Final:
    """The end of a track: ``running`` over the whole of it.

    Attributes:
        start_sample: where the track began, in 16 kHz samples from the beginning of the stream.
        start_s: the same in seconds.
        end_s: where it ended.
        status: ``gap`` if sound was lost in it, ``silence`` if all of its windows were silent, else ``ok``.
        rms_dbfs: level of the windows in the mean, or None.
        running: the average, or None with ``windows`` 0 if no window was scored.
        windows: windows in the average.
        silent_windows: windows left out because they were silent.
        gap_windows: windows left out because sound was lost.
        error: why the track ended before its time (a truncated file, say), or None.
    """

    stream: str
    track: str | None
    start_sample: int
    start_s: float
    end_s: float
    status: WindowStatus
    rms_dbfs: float | None
    running: Moods | None
    windows: int
    silent_windows: int
    gap_windows: int
    model: ModelId
    error: str | None = None
    time: str = dataclasses.field(default_factory=timestamp)
    type: Literal["final"] = "final"

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values, keys in the order of the schema."""
        return {
            **_head(self),
            "start_sample": self.start_sample,
            "start_s": self.start_s,
            "end_s": self.end_s,
            "time": self.time,
            "status": self.status,
            "rms_dbfs": self.rms_dbfs,
            "mood": None,
            "running": self.running,
            "windows": self.windows,
            "silent_windows": self.silent_windows,
            "gap_windows": self.gap_windows,
            "model": self.model.to_json(),
            "error": self.error,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """A mood that began or ended, by two thresholds and a minimum duration.

    Attributes:
        mood: its name.
        phase: ``began`` or ``ended``.
        at_s: where it began or ended, in seconds from the beginning of the stream.
        probability: of the window that begins there; of the last window where the track's end ended it.
    """

    stream: str
    track: str | None
    mood: str
    phase: Literal["began", "ended"]
    at_s: float
    probability: float
    time: str = dataclasses.field(default_factory=timestamp)
    type: Literal["event"] = "event"

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return {
            **_head(self),
            "event": self.phase,
            "mood_name": self.mood,
            "at_s": self.at_s,
            "probability": self.probability,
            "time": self.time,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Status:
    """News of a source: ``up``, ``down``, ``overflow`` or ``warning``."""

    stream: str
    status: str
    detail: str
    lost_s: float = 0.0
    track: str | None = None
    time: str = dataclasses.field(default_factory=timestamp)
    type: Literal["status"] = "status"

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return {
            **_head(self),
            "time": self.time,
            "status": self.status,
            "detail": self.detail,
            "lost_s": self.lost_s,
        }


Record = Estimate | Final | Event | Status


def _head(record: Record) -> dict[str, Any]:
    return {"schema": SCHEMA, "type": record.type, "stream": record.stream, "track": record.track}
