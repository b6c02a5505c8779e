"""What one transaction is to hold of a partition.

batch = tagger.collect()
batch.results, batch.dead, batch.states, batch.position
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any, Literal

import numpy as np

from stream.kafka.stream_tagger import Result
from stream.kafka.wire.chunks import Chunk, ChunkError
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
