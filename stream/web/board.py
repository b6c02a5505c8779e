"""What is going on now, for people and probes that ask over HTTP.

    board = Board()
    board.model(model_id)           # then `model_loaded` holds
    board.audio(chunk)              # and `audio_fresh` while this goes on
    board.status(source_status)
    board.emit(record)              # a sink
    board.stream_ended("mic")
    board.snapshot()                # {"model": …, "streams": {"mic": {"state": "up", "running": {…}, …}}}
    board.readiness()               # (False, {"audio_fresh": {"ok": False, "detail": "no sound for 42 s"}, …})

Imported with the HTTP side only.
"""

from __future__ import annotations

import copy
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from stream.common.text import utf8
from stream.tagging.audio import AudioChunk, SourceStatus
from stream.tagging.observer import Observer
from stream.tagging.record import Estimate, Event, Final, ModelId, Record, Status

_EVENTS = 10

Check = Callable[[], tuple[bool, str]]
"""Returns whether a condition holds, and one line that says why (not)."""


class Board(Observer):
    """The last word of each stream. Safe to use from several threads; holds ``max_streams`` streams at most."""

    def __init__(
        self,
        max_streams: int = 200,
        fresh_seconds: float | None = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Bound what is kept.

        Args:
            max_streams: beyond this, the stream that was quiet longest is forgotten.
            fresh_seconds: sound is fresh for this long; None where no sound is no fault (an idle topic), so that
                readiness does not ask for any.
            clock: returns seconds that only grow.
        """
        self._max_streams = max_streams
        self._clock = clock
        self._lock = threading.Lock()
        self._model: ModelId | None = None
        self._last_audio: float | None = None
        self._realtime_factor: float | None = None
        self._streams: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._checks: dict[str, Check] = {"model_loaded": self._model_loaded}
        if fresh_seconds is not None:
            self._checks["audio_fresh"] = lambda: self._audio_fresh(fresh_seconds)

    def condition(self, name: str, check: Check) -> None:
        """Add a condition of readiness (``partitions_restored``); ``check`` must return at once, from any thread."""
        self._checks[name] = check

    def model(self, info: ModelId) -> None:
        """Say which model is loaded."""
        with self._lock:
            self._model = info

    def audio(self, chunk: AudioChunk) -> None:
        """Note that sound came."""
        with self._lock:
            self._last_audio = self._clock()
            stream = self._stream(chunk.stream)
            stream["state"] = "up"
            stream["queued"] = chunk.queued

    def status(self, item: SourceStatus) -> None:
        """Note news of a source: up or down."""
        with self._lock:
            if item.kind in ("up", "down"):
                self._stream(item.stream)["state"] = item.kind

    def emit(self, record: Record) -> None:
        """Note a record."""
        with self._lock:
            stream = self._stream(record.stream)
            counts = stream["counts"]
            match record:
                case Estimate():
                    stream["track"] = None if record.track is None else utf8(record.track)
                    stream["rms_dbfs"] = record.rms_dbfs
                    stream["running"] = record.running
                    stream["last"] = _json(record)
                    counts[record.status] += 1
                case Final():
                    stream["final"] = _json(record)
                    counts["tracks"] += 1
                case Event() | Status():
                    stream["events"] = [*stream["events"], _json(record)][-_EVENTS:]

    def realtime_factor(self, factor: float) -> None:
        """Say how many seconds of sound a second of work scores."""
        with self._lock:
            self._realtime_factor = factor

    def stream_ended(self, stream: str) -> None:
        """Note that no more comes of this stream; what it said last stays readable."""
        with self._lock:
            if utf8(stream) in self._streams:
                self._streams[utf8(stream)]["state"] = "ended"

    def snapshot(self) -> dict[str, Any]:
        """Return the model, the speed and each stream as plain JSON values, the stream heard last at the end."""
        with self._lock:
            return {
                "model": None if self._model is None else self._model.to_json(),
                "realtime_factor": self._realtime_factor,
                "streams": copy.deepcopy(dict(self._streams)),
            }

    def readiness(self) -> tuple[bool, dict[str, dict[str, Any]]]:
        """Return whether all conditions hold, and each with its ``ok`` and ``detail``."""
        results = {name: check() for name, check in list(self._checks.items())}
        return all(ok for ok, _ in results.values()), {
            name: {"ok": ok, "detail": detail} for name, (ok, detail) in results.items()
        }

    def close(self) -> None:
        """Do nothing: the last words stay readable."""

    def _stream(self, name: str) -> dict[str, Any]:
        name = utf8(name)
        if name not in self._streams:
            self._streams[name] = {
                "state": "up",
                "track": None,
                "rms_dbfs": None,
                "queued": 0,
                "running": None,
                "counts": {"ok": 0, "silence": 0, "gap": 0, "tracks": 0},
                "last": None,
                "final": None,
                "events": [],
            }
        self._streams.move_to_end(name)
        if len(self._streams) > self._max_streams:
            self._streams.popitem(last=False)
        return self._streams[name]

    def _model_loaded(self) -> tuple[bool, str]:
        with self._lock:
            model = self._model
        return (False, "no model yet") if model is None else (True, f"{model.name} {model.version}")

    def _audio_fresh(self, seconds: float) -> tuple[bool, str]:
        with self._lock:
            last = self._last_audio
        if last is None:
            return False, "no sound yet"
        age = self._clock() - last
        return age <= seconds, f"last sound {age:.1f} s ago"


def _json(record: Record) -> dict[str, Any]:
    return {key: utf8(value) if isinstance(value, str) else value for key, value in record.to_json().items()}
