"""One stream of a partition: its records in, in the order of the log, its results out.

    tagger = StreamTagger("mic-7", new_session)
    for result in tagger.enter(chunk, offset): ...         # the final of a session that this one replaces
    for result in tagger.take(chunk, offset): ...          # ChunkError: a dead letter
    tagger.state()                                          # for the state topic

    tagger = StreamTagger("mic-7", new_session, state)      # elsewhere
    tagger.refill(chunk, offset)                            # the records from state.resume_offset on
    tagger.settle(state.next_seq, committed_offset - 1)     # and on as if nothing had happened

Which records count is decided here: the newest session of a stream wins, a sequence number that was seen is a
duplicate, one ahead of the expected is a gap, and one far beyond any gap is damage.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import deque
from collections.abc import Callable
from typing import Literal

from stream.common.errors import StreamError
from stream.kafka.wire.chunks import Chunk, ChunkError
from stream.kafka.wire.state import StreamState
from stream.tagging.audio import AudioChunk
from stream.tagging.record import Estimate, Final, Record, Status
from stream.tagging.session import Session

logger = logging.getLogger(__name__)

NewSession = Callable[[str], Session]
"""Makes the session of a stream, given its name."""

Verdict = Literal["ok", "duplicate", "stale"]

_MAX_SEQ = 10**10  # a chunk of 250 ms: some 80 years
_MAX_SAMPLE = 10**16
_MAX_GAP_CHUNKS = 1_000_000
_MAX_GAP_SECONDS = 86_400
_REPLACED_SESSIONS = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """A record for the output topic.

    Attributes:
        record: what was found.
        session: the ``x-session`` it is of.
        first_offset: input record with its first sample.
        last_offset: input record that completed it.
    """

    record: Record
    session: str
    first_offset: int
    last_offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Heard:
    """A record of the input whose sound may be needed again."""

    offset: int
    seq: int
    first_sample: int
    end_sample: int


class StreamTagger:
    """Scores one stream of a partition."""

    def __init__(self, name: str, new_session: NewSession, state: StreamState | None = None) -> None:
        """Begin a stream, or go on with one from its state."""
        self.name = name
        self.last_ms = 0
        """Record time of its last record, milliseconds since the epoch."""
        self.summed_up = False
        """The summary of its track is out, since it was silent for so long."""
        self._new_session = new_session
        self._session_id: str | None = None
        self._replaced: deque[str] = deque(maxlen=_REPLACED_SESSIONS)
        self._next_seq = 0
        self._known_seq = self._known_sample = 0  # where the state stands: what is refilled lies before
        self._sound = new_session(name)
        self._heard: deque[_Heard] = deque()
        self._track_offset: int | None = None
        self._title: str | None = None
        if state is not None:
            self._resume(state)

    @property
    def in_track(self) -> bool:
        """A track goes on."""
        return self._sound.in_track

    @property
    def resume_offset(self) -> int | None:
        """First record whose sound is needed again, or None if none is."""
        return self._heard[0].offset if self._heard else None

    def state(self) -> StreamState:
        """Return what the state topic is to hold."""
        return StreamState(
            session=self._session_id or "",
            next_seq=self._next_seq,
            replaced=tuple(self._replaced),
            last_ms=self.last_ms,
            summed_up=self.summed_up,
            resume_offset=self.resume_offset,
            resume_seq=self._heard[0].seq if self._heard else None,
            track_offset=self._track_offset,
            sound=None if self._sound.samplerate is None else self._sound.snapshot(),
        )

    def judge(self, chunk: Chunk) -> Verdict:
        """Say whether a chunk is to be heard.

        Raises:
            ChunkError: its numbers or its format cannot be.
        """
        if chunk.seq > _MAX_SEQ:
            raise ChunkError("sequence", f"x-seq {chunk.seq} is absurd: more than {_MAX_SEQ}", "TASK_PUT")
        if chunk.sample > _MAX_SAMPLE:
            raise ChunkError("sample", f"x-sample {chunk.sample} is absurd: more than {_MAX_SAMPLE}", "TASK_PUT")
        if chunk.session in self._replaced:
            return "stale"
        if chunk.session != self._session_id:
            return "ok"
        if chunk.seq < self._next_seq:
            return "duplicate"
        if chunk.seq - self._next_seq > _MAX_GAP_CHUNKS:
            raise ChunkError("sequence", f"x-seq {chunk.seq} is absurd: {self._next_seq} should come next", "TASK_PUT")
        rate, due = self._sound.samplerate, self._sound.next_sample
        if rate is None:
            return "ok"
        if chunk.samplerate != rate:
            raise ChunkError(
                "format_changed",
                f"the sample rate changed from {rate} to {chunk.samplerate} Hz within a session",
                "TASK_PUT",
            )
        if not due <= chunk.sample <= due + _MAX_GAP_SECONDS * rate:
            where = "was heard before" if chunk.sample < due else "is more than a day ahead"
            raise ChunkError("sample", f"x-sample {chunk.sample} {where}: {due} should come next", "TASK_PUT")
        return "ok"

    def enter(self, chunk: Chunk, offset: int) -> list[Result]:
        """Begin the session of a chunk that was judged ok, and return the last results of the one before."""
        return [] if chunk.session == self._session_id else self._replace(chunk.session, offset)

    def take(self, chunk: Chunk, offset: int) -> list[Result]:
        """Hear a chunk whose session was entered, and return the results that it completes.

        Raises:
            ChunkError: it cannot be heard, or the model fails on it; the stream goes on after it.
        """
        self.summed_up = False
        lost = chunk.seq > self._next_seq and self._sound.samplerate is not None
        self._next_seq = chunk.seq + 1
        if not len(chunk.samples):
            if not self.in_track:  # the end of a track that is over
                return []
            chunk = dataclasses.replace(chunk, track=self._title, start=False)  # without sound it begins none
        audio = _audio(chunk, starts_track=chunk.start, discontinuity=chunk.discontinuity or lost)
        begins = chunk.start or not self.in_track or chunk.track != self._title
        return self._hear(audio, chunk, offset, begins=begins)

    def refill(self, chunk: Chunk, offset: int) -> list[Result]:
        """Hear a chunk once more that was heard before the state was written.

        Returns:
            Windows that were not out then, though the sound was: a converter that starts anew may be a little quicker.

        Raises:
            ChunkError: as :meth:`take` does.
        """
        if chunk.session != self._session_id or not self._next_seq <= chunk.seq < self._known_seq:
            return []
        if chunk.samplerate != self._sound.samplerate or chunk.sample + len(chunk.samples) > self._known_sample:
            return []  # it is among the dead letters
        is_first = not self._heard
        if not is_first:
            self.judge(chunk)
        lost = not is_first and chunk.seq > self._next_seq
        self._next_seq = chunk.seq + 1
        skip = max(0, self._sound.next_sample - chunk.sample)
        if skip >= len(chunk.samples):
            return []
        discontinuity = not is_first and (chunk.discontinuity or lost)
        return self._hear(_audio(chunk, skip=skip, discontinuity=discontinuity), chunk, offset, begins=False)

    def settle(self, next_seq: int, offset: int) -> list[Result]:
        """End the refilling: what did not come again (it was deleted meanwhile) is a gap.

        Args:
            next_seq: of the state.
            offset: of the last record before the committed offset.
        """
        self._next_seq = next_seq
        results = self._results(self._sound.settle(), offset, begins=False)
        self._forget_heard()
        return results

    def sum_up(self, reason: str) -> list[Result]:
        """Return the summary of a track that has paused for long; if it goes on, it will have another."""
        self.summed_up = True
        last = self._heard[-1].offset if self._heard else self._track_offset or 0
        return self._results(self._sound.summary(reason), last, begins=False)

    def _resume(self, state: StreamState) -> None:
        self._session_id = state.session
        self._replaced.extend(state.replaced)
        self._next_seq = state.next_seq if state.resume_seq is None else state.resume_seq
        self._known_seq = state.next_seq
        self.last_ms = state.last_ms
        self.summed_up = state.summed_up
        self._track_offset = state.track_offset
        if state.sound is not None:
            self._sound.resume(state.sound)
            self._known_sample = state.sound.next_sample
            self._title = state.sound.track.title if state.sound.track else None

    def _replace(self, session_id: str, offset: int) -> list[Result]:
        """End the session before, if there is one, and begin another."""
        results: list[Result] = []
        if self._session_id is not None:
            reason = "the publisher began anew before the track's end" if self.in_track else None
            results = self._results(self._sound.flush(reason), offset, begins=False)
            self._replaced.append(self._session_id)
        self._session_id = session_id
        self._sound = self._new_session(self.name)
        self._heard.clear()
        self._track_offset = None
        self._next_seq = 0
        return results

    def _hear(self, audio: AudioChunk, chunk: Chunk, offset: int, *, begins: bool) -> list[Result]:
        old = self._track_offset
        self._heard.append(_Heard(offset, chunk.seq, audio.first_sample, audio.first_sample + len(audio.samples)))
        try:
            records = self._sound.feed(audio)
        except StreamError as error:
            raise ChunkError("not_scored", str(error), "TASK_PUT") from error
        finally:
            if begins:
                self._track_offset, self._title = offset, audio.track
        results = self._results(records, offset, begins=begins, old=old)
        if not self.in_track:
            self._track_offset = None
        self._forget_heard()
        return results

    def _forget_heard(self) -> None:
        """Let go of the records whose sound no window to come needs."""
        needed = self._sound.needed_from
        while self._heard and (self._heard[0].end_sample <= needed or not self.in_track):
            self._heard.popleft()

    def _results(self, records: list[Record], offset: int, *, begins: bool, old: int | None = None) -> list[Result]:
        results = []
        of_old_track = begins and old is not None  # until its final is out
        for record in records:
            match record:
                case Status():
                    fields = {"stream": record.stream, "track": self._title}
                    logger.warning("%s: %s", record.stream, record.detail, extra=fields)
                    continue
                case Estimate():
                    first = self._offset_of(record, offset)
                case _:  # of all of the track so far
                    track = old if of_old_track else self._track_offset
                    first = offset if track is None else track
                    of_old_track = of_old_track and not isinstance(record, Final)
            results.append(Result(record, self._session_id or "", first, offset))
        return results

    def _offset_of(self, estimate: Estimate, offset: int) -> int:
        """Return the record that holds the first sample of a window, or the nearest that was heard."""
        first = round(estimate.start_s * (self._sound.samplerate or 0))
        found = offset
        for heard in self._heard:
            if heard.first_sample > first and heard is not self._heard[0]:
                break
            found = heard.offset
        return found


def _audio(chunk: Chunk, *, skip: int = 0, starts_track: bool = False, discontinuity: bool = False) -> AudioChunk:
    return AudioChunk(
        stream=chunk.stream,
        samples=chunk.samples[skip:],
        samplerate=chunk.samplerate,
        first_sample=chunk.sample + skip,
        captured_at=chunk.captured_at,
        track=chunk.track,
        starts_track=starts_track,
        ends_track=chunk.end,
        discontinuity=discontinuity,
    )
