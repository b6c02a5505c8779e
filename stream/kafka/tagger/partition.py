"""One partition of the input: its streams, what became of its records, and what the next transaction is to hold.

    tagger = PartitionTagger(3, committed=1200, states=states, new_session=new_session)
    consumer.start(3, tagger.seek_to)
    for record in records: tagger.take(record)         # those below the committed offset only refill the buffers
    batch = tagger.collect()                           # results, dead letters, changed states, the offset
    ... one transaction ...
    tagger.committed(batch, state_offsets)

Nothing here talks to Kafka: what comes out is a function of the records, the states, and (for streams that fall
silent) the clock. A failed transaction is undone by throwing this object away.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from stream.common.retry import Throttle
from stream.kafka.tagger.stream_tagger import NewSession, Result, StreamTagger
from stream.kafka.wire.chunks import Chunk, ChunkError, decode
from stream.kafka.wire.state import StreamState
from stream.tagging.audio import AudioChunk

Outcome = Literal["ok", "duplicate", "stale", "dead_letter", "replayed"]
"""What becomes of a record."""


@dataclasses.dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that cannot be used, and why; ``record`` is None where not even its bytes can be had."""

    record: Any | None
    offset: int
    error: ChunkError


@dataclasses.dataclass(slots=True)
class Batch:
    """What one transaction is to hold of a partition.

    Attributes:
        results: for the output topic.
        dead: for the dead letters.
        states: of the streams that changed, None for one that is over.
        position: offset to commit.
        counts: records by what became of them: ok, duplicate, stale, dead_letter, replayed.
        audio: the chunks that were heard, without their sound.
    """

    results: list[Result]
    dead: list[DeadLetter]
    states: dict[str, bytes | None]
    position: int
    counts: Counter[Outcome]
    audio: list[AudioChunk]


def without_sound(chunk: Chunk) -> AudioChunk:
    """Return what the observers need of a chunk: its sound would be held until the transaction."""
    samples = np.broadcast_to(np.float32(0.0), chunk.samples.shape)
    return AudioChunk(
        chunk.stream, samples, chunk.samplerate, chunk.sample, captured_at=chunk.captured_at, track=chunk.track
    )


logger = logging.getLogger(__name__)

_FORGET_FACTOR = 20
"""A stream that paused within a track is forgotten after so many idle times: until then it can go on."""

_QUIET_SECONDS = 5.0
"""So long no record of a stream may have come, by the clock, before record time can close it: after an outage the
backlog of one publisher arrives before that of the next."""

_MAX_STATES_BEHIND = 2000
"""How far the oldest state that counts may lie behind the newest before it is written again: bounds a restore."""


class PartitionTagger:
    """Scores the streams of one partition."""

    def __init__(
        self,
        partition: int,
        *,
        committed: int,
        new_session: NewSession,
        states: Mapping[str, tuple[int, bytes]] | None = None,
        states_end: int = 0,
        group: str = "moodstream",
        idle_seconds: float = 30.0,
        max_streams: int = 1000,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin, or go on from the state that was committed.

        Args:
            partition: its number.
            committed: the committed offset: the first record that was not taken yet.
            new_session: makes the session of a stream.
            states: of the streams that go on: offset in the state topic and value.
            states_end: end of what was read of the state topic.
            group: whose states they are.
            idle_seconds: a stream without a record for so long, in record time, is closed.
            max_streams: held at a time; the records of more are dead letters.
            wall: returns seconds since the epoch.
            monotonic: returns seconds that only grow.

        Raises:
            StreamError: the states are another group's.
        """
        self.partition = partition
        self.position = committed
        """Offset of the next record to take."""
        self._committed = committed
        self._new_session = new_session
        self._group = group
        self._max_streams = max_streams
        self._idle_ms = round(idle_seconds * 1000)
        self._wall = wall
        self._monotonic = monotonic
        self._streams: OrderedDict[str, StreamTagger] = OrderedDict()  # the one heard last at the end
        self._heard_at: dict[str, float] = {}
        self._refilling: dict[str, StreamState] = {}
        self._state_offsets: dict[str, int] = {}
        self._states_end = states_end
        self._changed: dict[str, None] = {}
        self._results: list[Result] = []
        self._dead: list[DeadLetter] = []
        self._audio: list[AudioChunk] = []
        self._counts: Counter[Outcome] = Counter()
        self._throttle = Throttle()  # a warning a stream
        self._now_ms = 0
        self._last_record_at = monotonic()
        self._looked_at = (0, 0.0)  # record time and clock of the last look for idle streams
        self._restore(states or {})

    @property
    def seek_to(self) -> int:
        """Offset from which records are needed: the committed one, or where the sound of a window begins."""
        offsets = [state.resume_offset for state in self._refilling.values() if state.resume_offset is not None]
        return min([self._committed, *offsets])

    @property
    def is_restored(self) -> bool:
        """The buffers are full again."""
        return not self._refilling

    @property
    def streams(self) -> list[str]:
        """Names of the streams that go on."""
        return list(self._streams)

    @property
    def has_work(self) -> bool:
        """There is something to commit, and the streams are whole."""
        return self.is_restored and bool(
            self._results or self._dead or self._changed or self.position != self._committed
        )

    def take(self, record: Any) -> None:
        """Take the next record; nothing that is wrong with it raises."""
        self._last_record_at = self._monotonic()
        if self._refilling and record.offset < self._committed:
            self._refill(record)
            return
        self.settle()
        if record.offset < self.position:  # fetched twice
            return
        self.position = record.offset + 1
        self._advance(record.timestamp)
        try:
            chunk = decode(record.key, record.value, record.headers, record.timestamp)
            self._hear(chunk, record.offset)
        except ChunkError as error:
            self._give_up(record, error)
        except Exception as error:  # a defect that one record meets must not stop the others, again and again
            logger.exception("partition %d: offset %d", self.partition, record.offset)
            self._give_up(record, ChunkError("unexpected", f"unexpected {type(error).__name__}: {error}", "TASK_PUT"))
        self._close_idle()

    def skip(self, first: int, position: int, error: ChunkError | None = None) -> None:
        """Pass over records that cannot be had: deleted by now, or damaged on the broker's disk.

        Args:
            first: offset of the first of them.
            position: where the log goes on. If that is before ``first``, the log has lost its end, and what is there
                now is new.
            error: what is wrong with them, for the dead letters.
        """
        if first < position <= self._committed:  # what they would have refilled is a gap, which settle() finds
            return
        self.settle()
        if error is not None and first >= self.position:
            self._dead.append(DeadLetter(None, first, error))
            self._counts["dead_letter"] += 1
        self.position = position if position < first else max(self.position, position)

    def caught_up(self, position: int) -> None:
        """Note that all records before ``position`` have come; some offsets hold none (transaction markers)."""
        if position >= self._committed:
            self.settle()

    def settle(self) -> None:
        """End the refilling: all up to the committed offset has come."""
        for name, state in self._refilling.items():
            try:
                self._note(name, self._streams[name].settle(state.next_seq, self._committed - 1))
            except Exception:  # of one stream; it must not keep the others from going on, again and again
                logger.exception("partition %d: %s cannot be refilled", self.partition, name, extra={"stream": name})
        self._refilling.clear()

    def tick(self) -> None:
        """Close what has been silent: to be called now and then while no records wait."""
        if self.is_restored:
            self._close_idle()

    def collect(self) -> Batch:
        """Return what is to be committed, and begin the next batch."""
        self._refresh_oldest()
        states = {
            name: self._streams[name].state().to_bytes(self._group) if name in self._streams else None
            for name in self._changed
        }
        batch = Batch(self._results, self._dead, states, self.position, self._counts, self._audio)
        self._results, self._dead, self._audio, self._counts = [], [], [], Counter()
        self._changed = {}
        return batch

    def metadata(self, state_offsets: Mapping[str, int]) -> str:
        """Return what is committed beside the offset: where the states of the streams that go on lie.

        Args:
            state_offsets: of the states of the batch, in the state topic.
        """
        end = max([self._states_end, *(offset + 1 for offset in state_offsets.values())])
        offsets = {**self._state_offsets, **state_offsets}
        start = min((offsets[name] for name in self._streams if name in offsets), default=end)
        return json.dumps({"s": start, "e": end}, separators=(",", ":"))

    def committed(self, batch: Batch, state_offsets: Mapping[str, int]) -> None:
        """Note that the transaction with a batch of this partition was committed."""
        self._committed = batch.position
        for name, offset in state_offsets.items():
            self._states_end = max(self._states_end, offset + 1)
            if batch.states[name] is None:
                self._state_offsets.pop(name, None)
            else:
                self._state_offsets[name] = offset

    def _restore(self, states: Mapping[str, tuple[int, bytes]]) -> None:
        for name, (offset, value) in states.items():
            try:
                state = StreamState.from_bytes(value, self._group)
                stream = StreamTagger(name, self._new_session, state)
            except ValueError as error:
                logger.error("partition %d: %s begins anew: %s", self.partition, name, error, extra={"stream": name})
                continue
            self._streams[name] = stream
            self._state_offsets[name] = offset
            self._refilling[name] = state
            self._heard_at[name] = self._last_record_at
        for name, stream in sorted(self._streams.items(), key=lambda item: item[1].last_ms):
            self._streams.move_to_end(name)
            self._now_ms = max(self._now_ms, stream.last_ms)
        if self.seek_to == self._committed:
            self.settle()

    def _refill(self, record: Any) -> None:
        name = None if record.key is None else bytes(record.key).decode("utf-8", "replace")
        state = self._refilling.get(name) if name is not None else None
        if state is None or state.resume_offset is None or record.offset < state.resume_offset:
            return
        try:
            chunk = decode(record.key, record.value, record.headers, record.timestamp)
            self._note(chunk.stream, self._streams[chunk.stream].refill(chunk, record.offset))
        except ChunkError:
            return  # it is among the dead letters already
        except Exception:  # a defect that it met before, as take() says: it must not end every process that restores
            logger.exception("partition %d: offset %d, once more", self.partition, record.offset)
            return
        self._counts["replayed"] += 1

    def _hear(self, chunk: Chunk, offset: int) -> None:
        name = chunk.stream
        known = self._streams.get(name)
        stream = known or StreamTagger(name, self._new_session)
        verdict = stream.judge(chunk)
        if known is None and len(self._streams) >= self._max_streams:
            held = f"{self._max_streams} streams are held of this partition, and there is room for no other"
            raise ChunkError("too_many_streams", held, "TASK_PUT")
        if verdict != "ok":
            self._counts[verdict] += 1
            if verdict == "stale" and self._throttle.allows(name):
                message = "%s: records of a session that was replaced go on: do two publishers use one name?"
                logger.warning(message, name, extra={"stream": name})
            return
        stream.last_ms = self._now_ms
        self._streams[name] = stream
        self._streams.move_to_end(name)
        self._heard_at[name] = self._last_record_at
        self._changed[name] = None
        self._note(name, stream.enter(chunk, offset))  # apart: the final is out whatever take() finds
        self._note(name, stream.take(chunk, offset))
        self._counts[verdict] += 1
        self._audio.append(without_sound(chunk))

    def _give_up(self, record: Any, error: ChunkError) -> None:
        self._dead.append(DeadLetter(record, record.offset, error))
        self._counts["dead_letter"] += 1

    def _note(self, name: str, results: list[Result]) -> None:
        if results:
            self._results += results
            self._changed[name] = None

    def _advance(self, timestamp_ms: int) -> None:
        """Let record time go on; a clock ahead of ours does not count."""
        self._now_ms = max(self._now_ms, min(timestamp_ms, round(self._wall() * 1000)))

    def _close_idle(self) -> None:
        """Sum up the tracks that have been silent for long, and forget the streams that are over."""
        monotonic = self._monotonic()
        if self._now_ms < self._looked_at[0] + 1000 and monotonic < self._looked_at[1] + 1.0:
            return
        self._looked_at = (self._now_ms, monotonic)
        # Where the whole partition falls silent, record time goes on with the clock.
        now_ms = self._now_ms + round(1000 * (monotonic - self._last_record_at))
        for name, stream in list(self._streams.items()):
            idle_ms = now_ms - stream.last_ms
            if idle_ms < self._idle_ms:
                break  # those behind it were heard later
            if monotonic - self._heard_at[name] < _QUIET_SECONDS:
                continue
            if stream.in_track and not stream.summed_up:
                self._note(name, stream.sum_up(f"nothing came for {self._idle_ms / 1000:g} s"))
            elif not stream.in_track or idle_ms >= _FORGET_FACTOR * self._idle_ms:
                del self._streams[name], self._heard_at[name]
                self._throttle.forget(name)
                self._changed[name] = None

    def _refresh_oldest(self) -> None:
        """Write the oldest state again if a restore would have to read far back for it."""
        offsets = [(offset, name) for name, offset in self._state_offsets.items() if name in self._streams]
        if offsets and (oldest := min(offsets))[0] < self._states_end - _MAX_STATES_BEHIND - 20 * len(offsets):
            self._changed[oldest[1]] = None
