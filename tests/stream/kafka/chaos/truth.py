"""What must be on the output topic: the sound that was sent, each chunk once, through the same model in this process.

wanted = truth(plan, count, model)          # of the first `count` chunks of a stream and its end
wanted.chunks                               # what must be in the input
for fact in wanted.facts:                   # and in the output, in this order
    fact.key                                # what makes a record the one it is: exactly one of it must be there
    fact.values                             # what it must say
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from model.contract import Model
from stream.kafka.wire.chunks import Chunk, decode, encode
from stream.tagging.audio import AudioChunk
from stream.tagging.record import Record, Status
from stream.tagging.session import Session
from tests.stream.kafka.chaos.plan import Pause, StreamPlan

SOURCE = "/chaos"

_KEYS = {
    "estimate": ("stream", "track", "start_sample", "window"),
    "final": ("stream", "track", "start_sample"),
    "event": ("stream", "track", "mood_name", "event", "at_s"),
}
_VALUES = {
    "estimate": ("status", "start_s", "end_s", "rms_dbfs", "mood", "running", "windows"),
    "final": ("status", "start_s", "end_s", "rms_dbfs", "running", "windows", "silent_windows", "gap_windows"),
    "event": ("probability",),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Fact:
    """A record of the output, without what may differ from run to run.

    Attributes:
        key: type, session, and what else tells it from all others; the time of its making is not among that.
        values: what it says.
    """

    key: tuple[Any, ...]
    values: dict[str, Any]

    @classmethod
    def of(cls, record: dict[str, Any], session: str) -> Fact:
        """Return the fact that a record of the schema is.

        Raises:
            KeyError: it is none.
        """
        kind = record["type"]
        key = (kind, session, *(record[name] for name in _KEYS[kind]))
        values = {name: record[name] for name in _VALUES[kind]}
        if kind == "final":
            values["in_order"] = record["error"] is None
        if kind == "estimate":
            values["model"] = record["model"]["sha256"]
        return cls(key, values)

    @property
    def stream(self) -> str:
        """Whose it is."""
        return str(self.key[2])


def sent(plan: StreamPlan, count: int) -> Iterator[Chunk]:
    """Yield the first ``count`` chunks of a stream and what ends it."""
    if not count:
        return
    chunks = (step for step in plan.steps() if not isinstance(step, Pause))
    chunk = None
    for chunk in itertools.islice(chunks, count):
        yield chunk
    assert chunk is not None
    yield plan.last(chunk)


@dataclasses.dataclass(frozen=True, slots=True)
class Truth:
    """What must be there of a stream.

    Attributes:
        stream: its name.
        partition: of the input.
        chunks: session and sequence number of each that was sent, in their order, each once.
        facts: the results, in their order.
    """

    stream: str
    partition: int
    chunks: list[tuple[str, int]]
    facts: list[Fact]


def truth(plan: StreamPlan, count: int, model: Model) -> Truth:
    """Return what must be there of a stream.

    Args:
        plan: of the stream.
        count: chunks that were sent, what ends it left out.
        model: what the consumers score with.
    """
    found = Truth(plan.name, plan.partition, [], [])
    name, due = "", 0
    session = Session(plan.name, model)
    for chunk in sent(plan, count):
        found.chunks.append((chunk.session, chunk.seq))
        if chunk.session != name:
            found.facts.extend(_stated(session.flush("it began anew" if session.in_track else None), name))
            session, name, due = Session(plan.name, model), chunk.session, chunk.seq
        missing = chunk.seq > due
        due = chunk.seq + 1
        if len(chunk.samples) or session.in_track:  # else it ends what is over
            found.facts.extend(_stated(session.feed(_as_received(chunk, plan, missing)), name))
    return found


def _stated(records: Iterable[Record], session: str) -> Iterator[Fact]:
    return (Fact.of(record.to_json(), session) for record in records if not isinstance(record, Status))


def _as_received(chunk: Chunk, plan: StreamPlan, missing: bool) -> AudioChunk:
    message = encode(chunk, plan.encoding, SOURCE)
    received = decode(message.key, message.value, message.headers, 0)
    return AudioChunk(
        received.stream,
        received.samples,
        received.samplerate,
        received.sample,
        track=received.track,
        starts_track=received.start,
        ends_track=received.end,
        discontinuity=received.discontinuity or missing,
    )
