"""What a source yields: chunks of sound, news of the source, and the end of a stream.

    for item in source:
        match item:
            case AudioChunk():   ...     # sound, with its place in the stream
            case SourceStatus(): ...     # the source went down, came up, lost something
            case StreamEnd():    ...     # no more of this stream; `error` says why if it should not have ended

Every source is an iterable of these, and the rest of the program knows sources by nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """A piece of sound and its place in its stream.

    Attributes:
        stream: name of the stream.
        samples: shape (n, channels), float32, full scale at 1.0; any n >= 0.
        samplerate: in Hz.
        first_sample: index of the first sample, counted at ``samplerate`` from the beginning of the stream. A jump
            ahead of the last chunk's end says that what lies between was lost.
        captured_at: when the last sample was captured, seconds since the epoch; None where it means nothing (a file).
        track: title of the track, where the source knows one.
        starts_track: this chunk begins a track, even if its title is that of the last.
        ends_track: the track ends with this chunk.
        discontinuity: sound was lost before this chunk, though the sample index may run on.
        queued: chunks that waited in the source's queue behind this one.
    """

    stream: str
    samples: NDArray[np.float32]
    samplerate: int
    first_sample: int
    captured_at: float | None = None
    track: str | None = None
    starts_track: bool = False
    ends_track: bool = False
    discontinuity: bool = False
    queued: int = 0


StatusKind = Literal["up", "down", "overflow", "warning"]


@dataclasses.dataclass(frozen=True, slots=True)
class SourceStatus:
    """News of a source.

    Attributes:
        stream: name of the stream.
        kind: ``up`` (sound flows), ``down`` (it stopped; the source retries), ``overflow`` (sound was dropped because
            it was not taken in time), ``warning`` (something a user should know; sound goes on).
        detail: one line for people.
        lost_seconds: sound that was lost, in seconds.
    """

    stream: str
    kind: StatusKind
    detail: str
    lost_seconds: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class StreamEnd:
    """The end of a stream; ``error`` is one line where it ended too early (what came before still counts)."""

    stream: str
    error: str | None = None


SourceItem = AudioChunk | SourceStatus | StreamEnd


class Source(Protocol):
    """What the engine needs of a source."""

    stream: str
    """Name of its stream if it has one alone, else empty."""

    live: bool
    """Sound comes at its own pace and cannot be had again: a long silence then ends a track."""

    def __iter__(self) -> Iterator[SourceItem]:
        """Yield chunks and news until the end, or until 0.2 s after the stop it was made with is asked for."""
        ...

    def close(self) -> None:
        """Release the device, file or connection. Safe to call twice."""
        ...
