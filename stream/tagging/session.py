"""One stream's way from sound to mood.

    session = Session("mic", model, SessionOptions(), live=True)
    for record in session.feed(chunk): ...     # estimates, events, finals of tracks that ended
    for record in session.flush(): ...         # the end of the stream
    session.resume(other.snapshot())           # go on where another process was: stream/tagging/snapshot.py

What a session says is a function of the samples fed, whatever chunks they come in: no clock enters it. Its memory is
bounded, whatever is fed.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Iterator
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from model.contract import Model, ModelError
from model.resample import downmix
from stream.common.errors import StreamError
from stream.common.retry import Throttle
from stream.tagging.audio import AudioChunk
from stream.tagging.model_in_use import ModelInUse
from stream.tagging.record import SILENCE_DBFS, Estimate, Record, Status, dbfs
from stream.tagging.scorer import ScoredBy, SessionOptions, TrackScorer, scored_by
from stream.tagging.silence import Boundary, SilenceSplitter
from stream.tagging.snapshot import SessionSnapshot

_NOTHING = np.empty(0, dtype=np.float32)
_MAX_AMPLITUDE = 1e6  # beyond it a float is no sound but damage, like NaN


class Session:
    """Scores one stream: ``feed``, ``flush``, ``reset``."""

    def __init__(
        self,
        stream: str,
        model: Model | ModelInUse,
        options: SessionOptions = SessionOptions(),
        *,
        live: bool = False,
    ) -> None:
        """Make a session.

        Args:
            stream: name of the stream.
            model: what scores its windows: one model, or what is in use at each window.
            options: averaging and thresholds.
            live: the source is live: a long silence ends a track.
        """
        self.stream = stream
        self._models = model if isinstance(model, ModelInUse) else ModelInUse(model)
        self._options = options
        self._live = live
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next chunk is the first of a new stream."""
        self._samplerate: int | None = None
        self._position = 0  # source sample that should come next
        self._scorer: TrackScorer | None = None
        self._splitter: SilenceSplitter | None = None
        self._feature_ms = 0.0
        self._level_dbfs = SILENCE_DBFS
        self._throttle = Throttle()
        self._resumed: SessionSnapshot | None = None  # while the buffers are being refilled

    def feed(self, chunk: AudioChunk) -> list[Record]:
        """Take a chunk and return the records that it completes.

        A jump ahead in the sample index is a gap, and so are samples that are not finite; samples that were heard
        already are dropped.

        Raises:
            StreamError: the sample rate is outside 8 to 192 kHz or changed, or the sound has no such channel.
        """
        began = time.perf_counter()
        try:
            records = self._take(chunk)
        except (ValueError, ModelError) as error:
            raise StreamError(f"{self.stream}: {error}") from None
        return self._timed(records, chunk, began)

    def flush(self, error: str | None = None) -> list[Record]:
        """End the stream, return its last records and start anew.

        Args:
            error: why it ended before its time, or None.
        """
        records = self._end_track(error)
        self.reset()
        return records

    def summary(self, error: str | None = None) -> list[Record]:
        """Return the final that the current track would have now, if there is one; it goes on."""
        return [self._scorer.summary(error)] if self._scorer and not self._scorer.ended else []

    def snapshot(self) -> SessionSnapshot:
        """Return where the stream stands, for :meth:`resume`.

        Raises:
            ValueError: nothing was fed yet, or the source is live: its splitter holds sound back.
        """
        if self._samplerate is None or self._splitter is not None:
            raise ValueError("a session that has heard nothing, or is cut at silences, cannot be resumed")
        track = self._scorer.snapshot() if self._scorer else None
        by = self._scorer.scored_by if self._scorer else scored_by(self._models.current)
        return SessionSnapshot(self._samplerate, self._next_sample, by.labels, track, by.model)

    def resume(self, snapshot: SessionSnapshot) -> None:
        """Go on where a snapshot was taken: feed the chunks from ``needed_from`` on again, then :meth:`settle`.

        Raises:
            ValueError: this session is of a live source.
        """
        if self._live:
            raise ValueError("a live session is cut at silences and cannot be resumed")
        self.reset()
        self._samplerate = snapshot.samplerate
        self._position = snapshot.next_sample
        self._resumed = snapshot
        if snapshot.track is not None:
            scorer = self._begin_track(snapshot.track.title, snapshot.track.origin)
            # A state written before models could be swapped does not name its model: then it is the one there is now.
            model = snapshot.model or scored_by(self._models.current).model
            scorer.resume(snapshot.track, ScoredBy(model, snapshot.labels))
            self._position += scorer.position - snapshot.track.position

    def settle(self) -> list[Record]:
        """End the refilling: what did not come again was lost."""
        snapshot, self._resumed = self._resumed, None
        if snapshot is None:
            return []
        self._position = max(self._position, snapshot.next_sample)
        return self._scorer.settle(snapshot.track) if self._scorer and snapshot.track else []

    @property
    def samplerate(self) -> int | None:
        """Of the source, in Hz; None before the first chunk."""
        return self._samplerate

    @property
    def next_sample(self) -> int:
        """Index of the source sample that should come next."""
        return self._next_sample

    @property
    def in_track(self) -> bool:
        """A track goes on."""
        return self._scorer is not None and not self._scorer.ended

    @property
    def needed_from(self) -> int:
        """Index of the source sample from which on chunks must be fed again after :meth:`resume`."""
        if self._scorer is None:
            return self._next_sample
        return self._next_sample - self._scorer.position + self._scorer.needed_from

    @property
    def heard_s(self) -> float:
        """Seconds of the current track heard so far, the lost ones included."""
        return self._scorer.heard_s if self._scorer else 0.0

    @property
    def level_dbfs(self) -> float:
        """Level of the last chunk, in dB re full scale: what a level meter shows."""
        return self._level_dbfs

    @property
    def _next_sample(self) -> int:
        """Index of the source sample that should come next."""
        return self._position + (self._splitter.held if self._splitter else 0)

    def _take(self, chunk: AudioChunk) -> list[Record]:
        mono = downmix(chunk.samples, self._options.channel)
        records = self._enter(chunk)
        ahead = chunk.first_sample - self._next_sample
        if ahead > 0 or chunk.discontinuity:
            records += self._lose(max(0, ahead))
        elif ahead < 0 and self._resumed is None:
            records += self._warn("sound that was heard already came again, and is dropped")
        for run in _runs(mono[max(0, -ahead) :]):
            if isinstance(run, int):
                records += self._warn("there are samples that are no numbers; they count as lost")
                records += self._lose(run)
            else:
                self._level_dbfs = dbfs(float(np.mean(np.square(run, dtype=np.float64))))
                records += self._hear(run)
        if chunk.ends_track:
            records += self._end_track()
            self._scorer = None
        return records

    def _enter(self, chunk: AudioChunk) -> list[Record]:
        """Begin the stream or the track that the chunk begins, if it does."""
        if self._samplerate is None:
            self._samplerate = chunk.samplerate
            self._position = chunk.first_sample
            if self._live and self._options.reset_after_silence > 0:
                self._splitter = SilenceSplitter(
                    chunk.samplerate, self._options.min_rms_dbfs, self._options.reset_after_silence
                )
        elif chunk.samplerate != self._samplerate:
            raise ValueError(f"the sample rate changed from {self._samplerate} to {chunk.samplerate} Hz in mid-stream")
        elif self._scorer is None and self._splitter:
            self._splitter.restart()  # the track before was ended by the source: the next begins with this chunk
        if self._scorer is None:
            self._position = max(self._position, chunk.first_sample)
            self._begin_track(chunk.track)
            return []
        if not chunk.starts_track and chunk.track == self._scorer.title:
            return []
        # What was lost between two tracks is the old one's loss: the new one has not begun.
        ahead = chunk.first_sample - self._next_sample
        records = self._lose(ahead) if ahead > 0 else []
        records += self._end_track()
        self._begin_track(chunk.track)
        if self._splitter:
            self._splitter.restart()
        return records

    def _begin_track(self, title: str | None, origin: int | None = None) -> TrackScorer:
        assert self._samplerate is not None  # every caller has seen a chunk
        if origin is None:
            origin = round(self._position * self._models.frontend.samplerate / self._samplerate)
        self._scorer = TrackScorer(
            self.stream,
            title=title,
            origin=origin,
            samplerate=self._samplerate,
            models=self._models,
            options=self._options,
        )
        return self._scorer

    def _end_track(self, error: str | None = None) -> list[Record]:
        if self._scorer is None:
            return []
        held = self._held()
        return self._scorer.feed(held) if self._scorer.ended else self._scorer.end(held, error)

    def _held(self) -> NDArray[np.float32]:
        """Return the samples that the splitter held back; they count as handed to the track."""
        held = self._splitter.flush() if self._splitter else _NOTHING
        self._position += len(held)
        return held

    def _hear(self, mono: NDArray[np.float32]) -> list[Record]:
        if self._splitter is None:
            return self._score(mono)
        records: list[Record] = []
        for piece in self._splitter.feed(mono):
            if isinstance(piece, np.ndarray):
                records += self._score(piece)
            elif piece is Boundary.START:
                self._begin_track(self._scorer.title if self._scorer else None)
            elif self._scorer:
                records += self._scorer.end(_NOTHING)
        return records

    def _score(self, mono: NDArray[np.float32]) -> list[Record]:
        self._position += len(mono)
        return self._scorer.feed(mono) if self._scorer else []

    def _lose(self, count: int) -> list[Record]:
        held = self._held()
        self._position += count
        return [*self._scorer.feed(held), *self._scorer.lose(count)] if self._scorer else []

    def _warn(self, detail: str) -> list[Record]:
        """Return a warning the first time it is given."""
        return [Status(self.stream, "warning", detail)] if self._throttle.allows(detail) else []

    def _timed(self, records: list[Record], chunk: AudioChunk, began: float) -> list[Record]:
        """Say of each estimate what the front-end cost and when its last sample was captured."""
        heard = [record for record in records if _is_heard(record)]
        inference_ms = sum(estimate.inference_ms or 0.0 for estimate in heard)
        self._feature_ms += 1000.0 * (time.perf_counter() - began) - inference_ms
        if not heard:
            return records
        share = self._feature_ms / len(heard)
        self._feature_ms = 0.0
        chunk_end_s = (chunk.first_sample + len(chunk.samples)) / chunk.samplerate

        def timed(estimate: Estimate) -> Estimate:
            since = max(0.0, chunk_end_s - estimate.end_s)
            captured_at = None if chunk.captured_at is None else chunk.captured_at - since
            return dataclasses.replace(estimate, feature_ms=share, captured_at=captured_at)

        return [timed(record) if _is_heard(record) else record for record in records]


def _is_heard(record: Record) -> TypeGuard[Estimate]:
    """Say whether a record is a window that was captured: a gap was not, so it has neither cost nor latency."""
    return isinstance(record, Estimate) and record.status != "gap"


def _runs(mono: NDArray[np.float32]) -> Iterator[NDArray[np.float32] | int]:
    """Cut samples into runs of sound and, as a count, of samples that are none (NaN, infinite, absurd)."""
    usable = np.abs(mono) <= _MAX_AMPLITUDE
    if usable.all():
        if len(mono):
            yield mono
        return
    edges = [0, *(np.flatnonzero(np.diff(usable)) + 1).tolist(), len(mono)]
    for begin, end in itertools.pairwise(edges):
        yield mono[begin:end] if usable[begin] else end - begin
