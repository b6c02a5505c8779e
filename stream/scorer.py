"""One track's way from sound to records: windows, their mood, the running average, events, the final.

scorer = TrackScorer("mic", title=None, origin=0, samplerate=44100, model=model, options=SessionOptions())
records = scorer.feed(mono)
records = scorer.end(last)             # the track is over: events that go on end, and the final comes
scorer.resume(other.snapshot())        # a track that another process began
"""

from __future__ import annotations

import dataclasses
import time
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.contract import Model, ModelError
from stream.average import Average, ExponentialAverage, Latest, Mean
from stream.events import Change, EventDetector
from stream.record import Estimate, Event, Final, ModelId, Moods, Record, WindowStatus, dbfs, power_of
from stream.snapshot import TrackSnapshot
from stream.track import Track, Window


@dataclasses.dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a stream is averaged and what is decided on it.

    Attributes:
        hop_frames: mel frames from one window to the next (16 ms each by default).
        average: of the windows of a track: ``mean``, ``ema`` (exponential, by ``half_life``) or ``none``.
        half_life: of the exponential average, in seconds.
        threshold: window probability at which a mood begins.
        threshold_off: window probability below which it ends.
        min_duration: how long either must last to be believed, in seconds.
        min_rms_dbfs: level below which sound is silence, in dB re full scale.
        reset_after_silence: silence that ends a track on a live source, in seconds; 0 never does.
        channel: which channel to hear, from 0; None is the mean of all.
    """

    hop_frames: int = 187
    average: Literal["mean", "ema", "none"] = "mean"
    half_life: float = 30.0
    threshold: float = 0.5
    threshold_off: float = 0.4
    min_duration: float = 5.0
    min_rms_dbfs: float = -60.0
    reset_after_silence: float = 3.0
    channel: int | None = None

    def new_average(self) -> Average:
        """Return an empty average of the kind asked for."""
        match self.average:
            case "mean":
                return Mean()
            case "ema":
                return ExponentialAverage(self.half_life)
            case "none":
                return Latest()


class TrackScorer:
    """Scores the windows of one track and keeps its average."""

    def __init__(
        self, stream: str, *, title: str | None, origin: int, samplerate: int, model: Model, options: SessionOptions
    ) -> None:
        """Begin a track.

        Args:
            stream: name of the stream.
            title: of the track, or None.
            origin: where the track begins in the stream, in samples at the front-end's rate.
            samplerate: of the source, in Hz.
            model: what scores the windows.
            options: averaging and thresholds.

        Raises:
            ValueError: the sample rate is outside 8 to 192 kHz.
        """
        self.title = title
        self.ended = False
        """The final is out; what still comes is the silence before the next track."""
        self._stream = stream
        self._origin = origin
        self._samplerate = samplerate
        self._model = model
        self._options = options
        self._id = ModelId(model.info.name, model.info.version, model.info.sha256)
        self._track = Track(samplerate, model.info.frontend, options.hop_frames)
        self._average = options.new_average()
        self._events = EventDetector(model.info.labels, options.threshold, options.threshold_off, options.min_duration)
        self._min_power = power_of(options.min_rms_dbfs)
        self._power = 0.0  # summed over the scored windows
        self._left_out: dict[WindowStatus, int] = {"silence": 0, "gap": 0}

    @property
    def heard_s(self) -> float:
        """Seconds of the track heard so far, the lost ones included; 0 once it has ended."""
        return 0.0 if self.ended else self._track.position / self._samplerate

    @property
    def position(self) -> int:
        """Source samples since the track's first, the lost ones included."""
        return self._track.position

    @property
    def needed_from(self) -> int:
        """Source sample of the track from which on sound must be fed again after :meth:`resume`."""
        return self._track.needed_from

    def snapshot(self) -> TrackSnapshot:
        """Return where the track stands, the sound itself left out."""
        return TrackSnapshot(
            title=self.title,
            origin=self._origin,
            position=self._track.position,
            next_window=self._track.next_window,
            hop_frames=self._options.hop_frames,
            average=self._average.state(),
            events=self._events.state(),
            power=self._power,
            silent=self._left_out["silence"],
            gaps=self._left_out["gap"],
            unreported=self._track.unreported,
            broken=self._track.broken,
        )

    def resume(self, snapshot: TrackSnapshot, *, same_average: bool) -> None:
        """Go on where a snapshot was taken; ``position`` then says from where on sound must be fed.

        Args:
            snapshot: of a scorer with the same origin and sample rate.
            same_average: its average and events are of the same kind and moods; else they begin anew.
        """
        # Under another hop, the first window that begins no earlier than the one that was due.
        due = -(-snapshot.next_window * snapshot.hop_frames // self._options.hop_frames)
        self._track.resume(due, snapshot.position)
        self._track.broken = snapshot.broken
        self._left_out = {"silence": snapshot.silent, "gap": snapshot.gaps}
        if same_average:
            self._average.restore(snapshot.average)
            self._events.restore(snapshot.events)
            self._power = snapshot.power

    def settle(self, snapshot: TrackSnapshot) -> list[Record]:
        """End the refilling after :meth:`resume`: what is still missing of the sound was lost."""
        self._track.unreported = snapshot.unreported  # gaps of before were met again
        missing = snapshot.position - self._track.position
        return self.lose(missing) if missing > 0 else []

    def summary(self, error: str | None = None) -> Final:
        """Return what the final would be now; the track goes on."""
        scored = self._average.count
        status: WindowStatus = "ok"
        if self._track.broken:
            status = "gap"
        elif not scored and self._left_out["silence"]:
            status = "silence"
        return Final(
            stream=self._stream,
            track=self.title,
            start_sample=self._origin,
            start_s=self._seconds(0),
            end_s=self._end_s,
            status=status,
            rms_dbfs=dbfs(self._power / scored) if scored else None,
            running=self._running(),
            windows=scored,
            silent_windows=self._left_out["silence"],
            gap_windows=self._left_out["gap"] + self._track.unreported,
            model=self._id,
            error=error,
        )

    def feed(self, mono: NDArray[np.float32]) -> list[Record]:
        """Take mono source samples of shape (n,) and return the records of the windows they complete."""
        return self._score(self._track.feed(mono))

    def lose(self, count: int) -> list[Record]:
        """Pass over ``count`` lost source samples; 0 if nobody knows how many."""
        return self._score(self._track.lose(count))

    def end(self, last: NDArray[np.float32], error: str | None = None) -> list[Record]:
        """End the track: return its last windows, the ends of its events and its final. Once.

        Args:
            last: the last mono source samples, shape (n,).
            error: why it ended before its time, or None; a model that fails on the last windows is a reason, too.
        """
        if self.ended:
            return []
        records: list[Record] = []
        try:
            records += self.feed(last)
            records += self._score(self._track.flush())
        except ModelError as failure:  # the final is owed all the same
            error = error or str(failure)
        records += [self._event(change) for change in self._events.flush(self._end_s)]
        final = self.summary(error)
        self.ended = True
        self._average = self._options.new_average()
        return [*records, final]

    def _score(self, windows: list[Window]) -> list[Record]:
        records: list[Record] = []
        for window in windows:
            records += self._score_one(window)
        return records

    def _score_one(self, window: Window) -> list[Record]:
        frontend = self._model.info.frontend
        start = window.index * self._options.hop_frames * frontend.hop
        start_s, end_s = self._seconds(start), self._seconds(start + frontend.window_samples)
        mood: Moods | None = None
        inference_ms: float | None = None
        changes: list[Change] = []
        status = self._status(window)
        if status == "ok" and window.frames is not None and window.power is not None:
            began = time.perf_counter()
            probabilities = self._model.predict(window.frames[np.newaxis])[0]
            inference_ms = round(1000.0 * (time.perf_counter() - began), 3)
            mood = self._named(probabilities)
            self._average.add(probabilities, start_s)
            self._power += window.power
            changes = self._events.feed(probabilities, start_s, end_s)
        else:
            self._left_out[status] += 1
            if status == "silence":  # no mood sounds in it; a gap says nothing either way
                changes = self._events.feed(None, start_s, end_s)
        estimate = Estimate(
            stream=self._stream,
            track=self.title,
            window=window.index,
            start_sample=self._origin + start,
            start_s=start_s,
            end_s=end_s,
            status=status,
            rms_dbfs=None if window.power is None else dbfs(window.power),
            mood=mood,
            running=self._running(),
            windows=self._average.count,
            model=self._id,
            inference_ms=inference_ms,
        )
        return [estimate, *(self._event(change) for change in changes)]

    def _status(self, window: Window) -> WindowStatus:
        if window.power is None:
            return "gap"
        return "silence" if self.ended or window.power < self._min_power else "ok"

    def _running(self) -> Moods | None:
        value = self._average.value()
        return None if value is None else self._named(value)

    def _named(self, values: NDArray[np.floating]) -> Moods:
        return {label: round(value, 7) for label, value in zip(self._model.info.labels, values.tolist(), strict=True)}

    def _event(self, change: Change) -> Event:
        return Event(self._stream, self.title, change.mood, change.phase, change.at_s, round(change.probability, 7))

    @property
    def _end_s(self) -> float:
        return self._seconds(self._track.position * self._rate / self._samplerate)

    @property
    def _rate(self) -> int:
        return self._model.info.frontend.samplerate

    def _seconds(self, offset: float) -> float:
        """Return the time of a sample of the track (at the front-end's rate) in seconds from the stream's beginning."""
        return round((self._origin + offset) / self._rate, 6)
