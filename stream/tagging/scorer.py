"""One track's way from sound to records: windows, their mood, the running average, events, the final.

scorer = TrackScorer("mic", title=None, origin=0, samplerate=44100, models=models, options=SessionOptions())
records = scorer.feed(mono)
records = scorer.end(last)             # the track is over: events that go on end, and the final comes
scorer.resume(other.snapshot(), by)    # a track that another process began

Each window is scored by the model that is in use at its boundary. If its moods are others than those of the window
before, what was averaged and detected by then is of no use for it: both begin anew.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from model.contract import Model, ModelError
from stream.tagging.average import Average, ExponentialAverage, Latest, Mean
from stream.tagging.events import Change, EventDetector
from stream.tagging.model_in_use import ModelInUse
from stream.tagging.record import Estimate, Event, Final, ModelId, Moods, Record, WindowStatus, dbfs, power_of
from stream.tagging.snapshot import TrackSnapshot
from stream.tagging.track import Track, Window


@dataclasses.dataclass(frozen=True, slots=True)
class ScoredBy:
    """What an average is of: the model that scored its last window, and the moods."""

    model: ModelId
    labels: tuple[str, ...]


class TallyOptions(Protocol):
    """What a tally needs of the options of a session."""

    @property
    def threshold(self) -> float:
        """Window probability at which a mood begins."""
        ...

    @property
    def threshold_off(self) -> float:
        """Window probability below which it ends."""
        ...

    @property
    def min_duration(self) -> float:
        """How long either must last, in seconds."""
        ...

    def new_average(self) -> Average:
        """Return an empty average."""
        ...


class Tally:
    """Averages the windows of a track and detects its events."""

    def __init__(self, by: ScoredBy, options: TallyOptions) -> None:
        """Begin with no window."""
        self.by = by
        """Who scored the last window; another model with the same moods may take its place."""
        self.power = 0.0
        """Mean squares of the windows in the average, summed."""
        self._average = options.new_average()
        self._events = EventDetector(by.labels, options.threshold, options.threshold_off, options.min_duration)

    @property
    def windows(self) -> int:
        """Windows in the average."""
        return self._average.count

    @property
    def rms_dbfs(self) -> float | None:
        """Level of the windows in the average, in dB re full scale; None without any."""
        return dbfs(self.power / self.windows) if self.windows else None

    def add(self, probabilities: NDArray[np.floating], power: float, start_s: float, end_s: float) -> list[Change]:
        """Take a scored window, shape (labels,), and its mean square; return the moods that began or ended."""
        self._average.add(probabilities, start_s)
        self.power += power
        return self._events.feed(probabilities, start_s, end_s)

    def add_silence(self, start_s: float, end_s: float) -> list[Change]:
        """Take a silent window: no mood sounds in it, and it stays out of the average."""
        return self._events.feed(None, start_s, end_s)

    def end(self, at_s: float) -> list[Change]:
        """End every mood that goes on."""
        return self._events.flush(at_s)

    def running(self) -> Moods | None:
        """Return the average so far."""
        value = self._average.value()
        return None if value is None else self.named(value)

    def named(self, values: NDArray[np.floating]) -> Moods:
        """Return values of shape (labels,) by their moods, as records hold them."""
        return {label: round(value, 7) for label, value in zip(self.by.labels, values.tolist(), strict=True)}

    def average_state(self) -> dict[str, Any]:
        """Return the average as plain JSON values."""
        return self._average.state()

    def events_state(self) -> list[list[Any]]:
        """Return what is known of each mood as plain JSON values."""
        return self._events.state()

    def restore(self, average: dict[str, Any], events: list[list[Any]], power: float) -> None:
        """Go on where a tally of the same moods and kind of average was."""
        self._average.restore(average)
        self._events.restore(events)
        self.power = power


def scored_by(model: Model) -> ScoredBy:
    """Return what an average of this model's answers is of."""
    info = model.info
    return ScoredBy(ModelId(info.name, info.version, info.sha256), info.labels)


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
        self,
        stream: str,
        *,
        title: str | None,
        origin: int,
        samplerate: int,
        models: ModelInUse,
        options: SessionOptions,
    ) -> None:
        """Begin a track.

        Args:
            stream: name of the stream.
            title: of the track, or None.
            origin: where the track begins in the stream, in samples at the front-end's rate.
            samplerate: of the source, in Hz.
            models: what scores the windows.
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
        self._models = models
        self._frontend = models.frontend
        self._options = options
        self._track = Track(samplerate, models.frontend, options.hop_frames)
        self._tally = Tally(scored_by(models.current), options)
        self._min_power = power_of(options.min_rms_dbfs)
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
    def scored_by(self) -> ScoredBy:
        """What the average is of."""
        return self._tally.by

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
            average=self._tally.average_state(),
            events=self._tally.events_state(),
            power=self._tally.power,
            silent=self._left_out["silence"],
            gaps=self._left_out["gap"],
            unreported=self._track.unreported,
            broken=self._track.broken,
        )

    def resume(self, snapshot: TrackSnapshot, by: ScoredBy) -> None:
        """Go on where a snapshot was taken; ``position`` then says from where on sound must be fed.

        An average of another kind begins anew. One of other moods stays this track's until its next window: a model
        that changed between two processes is like one that changed while it ran.

        Args:
            snapshot: of a scorer with the same origin and sample rate.
            by: what its average is of.
        """
        # Under another hop, the first window that begins no earlier than the one that was due.
        due = -(-snapshot.next_window * snapshot.hop_frames // self._options.hop_frames)
        self._track.resume(due, snapshot.position)
        self._track.broken = snapshot.broken
        self._left_out = {"silence": snapshot.silent, "gap": snapshot.gaps}
        if snapshot.average.keys() == self._tally.average_state().keys():
            self._tally = Tally(by, self._options)
            self._tally.restore(snapshot.average, snapshot.events, snapshot.power)

    def settle(self, snapshot: TrackSnapshot) -> list[Record]:
        """End the refilling after :meth:`resume`: what is still missing of the sound was lost."""
        self._track.unreported = snapshot.unreported  # gaps of before were met again
        missing = snapshot.position - self._track.position
        return self.lose(missing) if missing > 0 else []

    def summary(self, error: str | None = None) -> Final:
        """Return what the final would be now; the track goes on."""
        scored = self._tally.windows
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
            rms_dbfs=self._tally.rms_dbfs,
            running=self._tally.running(),
            windows=scored,
            silent_windows=self._left_out["silence"],
            gap_windows=self._left_out["gap"] + self._track.unreported,
            model=self._tally.by.model,
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
        records += [self._event(change) for change in self._tally.end(self._end_s)]
        final = self.summary(error)
        self.ended = True
        self._tally = Tally(self._tally.by, self._options)
        return [*records, final]

    def _score(self, windows: list[Window]) -> list[Record]:
        records: list[Record] = []
        for window in windows:
            records += self._score_one(window)
        return records

    def _score_one(self, window: Window) -> list[Record]:
        frontend = self._frontend
        start = window.index * self._options.hop_frames * frontend.hop
        start_s, end_s = self._seconds(start), self._seconds(start + frontend.window_samples)
        mood: Moods | None = None
        inference_ms: float | None = None
        model = self._models.current
        ends = self._take(scored_by(model), start_s)
        changes: list[Change] = []
        status = self._status(window)
        if status == "ok" and window.frames is not None and window.power is not None:
            began = time.perf_counter()
            probabilities = model.predict(window.frames[np.newaxis])[0]
            inference_ms = round(1000.0 * (time.perf_counter() - began), 3)
            mood = self._tally.named(probabilities)
            changes = self._tally.add(probabilities, window.power, start_s, end_s)
            self._models.observer.scored(window.frames, model.info.labels, probabilities)
        else:
            self._left_out[status] += 1
            if status == "silence":  # no mood sounds in it; a gap says nothing either way
                changes = self._tally.add_silence(start_s, end_s)
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
            running=self._tally.running(),
            windows=self._tally.windows,
            model=self._tally.by.model,
            inference_ms=inference_ms,
        )
        return [*map(self._event, ends), estimate, *map(self._event, changes)]

    def _take(self, by: ScoredBy, at_s: float) -> list[Change]:
        """Note which model scores from now on, and return the ends of moods that it cannot tell of."""
        old = self._tally
        if by.labels == old.by.labels:
            old.by = by
            return []
        self._tally = Tally(by, self._options)
        return old.end(at_s)

    def _status(self, window: Window) -> WindowStatus:
        if window.power is None:
            return "gap"
        return "silence" if self.ended or window.power < self._min_power else "ok"

    def _event(self, change: Change) -> Event:
        return Event(self._stream, self.title, change.mood, change.phase, change.at_s, round(change.probability, 7))

    @property
    def _end_s(self) -> float:
        return self._seconds(self._track.position * self._rate / self._samplerate)

    @property
    def _rate(self) -> int:
        return self._frontend.samplerate

    def _seconds(self, offset: float) -> float:
        """Return the time of a sample of the track (at the front-end's rate) in seconds from the stream's beginning."""
        return round((self._origin + offset) / self._rate, 6)
