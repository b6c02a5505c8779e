"""A partition's log in memory, and a consumer of it that crashes: what PartitionTagger promises needs no broker."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

from model.contract import Model
from stream.kafka.tagger.partition import PartitionTagger
from stream.kafka.tagger.stream_tagger import Result
from stream.kafka.wire.chunks import Chunk, Encoding, encode
from stream.tagging.record import Estimate, Event, Final, Record
from stream.tagging.session import Session, SessionOptions
from tests.stream.sound import tune


@dataclasses.dataclass(frozen=True)
class Entry:
    """A record as kafka-python gives it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def speak(
    stream: str,
    seconds: float,
    *,
    rate: int = 16000,
    chunk_seconds: float = 0.5,
    session: str = "s1",
    track: str | None = "song",
    seed: int = 0,
    seq: int = 0,
    sample: int = 0,
    ends: bool = True,
    channels: int = 1,
) -> list[Chunk]:
    """Return a track as a publisher sends it."""
    sound = tune(seconds, rate, seed=seed)[:, None].repeat(channels, axis=1)
    size = round(chunk_seconds * rate)
    begins = range(0, len(sound), size)
    return [
        Chunk(
            stream=stream,
            session=session,
            seq=seq + index,
            sample=sample + begin,
            samples=sound[begin : begin + size],
            samplerate=rate,
            track=track,
            start=index == 0,
            end=ends and index == len(begins) - 1,
            discontinuity=False,
            captured_at=1_700_000_000.0 + (sample + begin) / rate,
        )
        for index, begin in enumerate(begins)
    ]


def log(chunks: Iterable[Chunk | Entry], encoding: Encoding = "F32LE") -> list[Entry]:
    """Return chunks as records of a partition; an Entry stands for itself but for its offset."""
    entries = []
    for offset, each in enumerate(chunks):
        if isinstance(each, Entry):
            entries.append(dataclasses.replace(each, offset=offset))
            continue
        message = encode(each, encoding, "test")
        entries.append(Entry(offset, message.timestamp_ms or -1, message.key, message.value, list(message.headers)))
    return entries


class Consumer:
    """Takes a log in batches, and may lose all that it has in memory."""

    def __init__(
        self,
        entries: Sequence[Entry],
        model: Model,
        options: SessionOptions | None = None,
        *,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.entries = entries
        self.committed: list[Result] = []
        self.dead: list[tuple[int, str]] = []
        self.counts: dict[str, int] = {}
        self.states: dict[str, tuple[int, bytes]] = {}
        self._offset = 0
        self._state_end = 0
        self._model, self._options, self._clock = model, options or SessionOptions(), clock
        self.crash()

    def crash(self) -> None:
        self.tagger = PartitionTagger(
            0,
            committed=self._offset,
            states=dict(self.states),
            states_end=self._state_end,
            new_session=lambda name: Session(name, self._model, self._options),
            wall=lambda: 2e9,
            monotonic=self._clock,
        )
        self._next = self.tagger.seek_to

    def take(self, count: int) -> None:
        for entry in self.entries[self._next : self._next + count]:
            self.tagger.take(entry)
        self._next = min(self._next + count, len(self.entries))
        self.tagger.caught_up(self._next)

    @property
    def at_end(self) -> bool:
        return self._next >= len(self.entries)

    def commit(self) -> None:
        if not self.tagger.has_work:
            return
        batch = self.tagger.collect()
        offsets = {}
        for name, value in batch.states.items():
            offsets[name] = self._state_end
            if value is None:
                self.states.pop(name, None)
            else:
                self.states[name] = (self._state_end, value)
            self._state_end += 1
        self.tagger.committed(batch, offsets)
        self._offset = batch.position
        self.committed += batch.results
        self.dead += [(dead.offset, dead.error.reason) for dead in batch.dead]
        for name, count in batch.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count

    def run(self, batch: int = 7, crashes: Sequence[int] = ()) -> Consumer:
        """Take the whole log in batches; the batches with these numbers are lost before they are committed."""
        number = 0
        while not self.at_end or self.tagger.has_work:
            self.take(batch)
            if number in crashes:
                self.crash()
            else:
                self.commit()
            number += 1
        return self


def essence(results: Iterable[Result]) -> list[tuple[object, ...]]:
    """Return what must not depend on how often a consumer crashed; numbers of moods are compared apart."""
    found: list[tuple[object, ...]] = []
    for result in results:
        record = result.record
        match record:
            case Estimate():
                what: tuple[object, ...] = (record.window, record.status, record.start_sample, record.windows)
            case Final():
                what = (record.status, record.windows, record.gap_windows, record.end_s, record.error)
            case Event():
                what = (record.mood, record.phase, record.at_s)
            case _:
                what = ()
        found.append((record.stream, record.track, record.type, *what, result.session, result.first_offset))
    return found


def records(consumer: Consumer, stream: str) -> list[Record]:
    """Return what was committed of a stream."""
    return [result.record for result in consumer.committed if result.record.stream == stream]
