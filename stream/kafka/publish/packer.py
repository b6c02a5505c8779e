"""From what a source yields to the chunks that go into Kafka: one length, one track each.

    packer = Packer("mic@kitchen", seconds=1.0, hold=False, finite=True)
    for piece in packer.feed(chunk): ...       # zero or more, each with its place in the session
    for piece in packer.close(): ...           # the stream ended: the last one says so

The numbers of the chunks (``seq``) are 0 here: they are counted where chunks leave for the broker, so that sound
dropped on the way leaves no hole in them.
"""

from __future__ import annotations

import dataclasses
import uuid

import numpy as np
from numpy.typing import NDArray

from stream.common.errors import StreamError
from stream.kafka.wire.chunks import Chunk
from stream.tagging.audio import AudioChunk

_LONGEST_TITLE = 600
"""Characters; percent-encoded it still fits a header."""


class Packer:
    """Counts samples and holds less than two chunks of them."""

    def __init__(self, stream: str, seconds: float, *, hold: bool, finite: bool) -> None:
        """Make a packer, and with it a session.

        Args:
            stream: name of the stream.
            seconds: length of a chunk; a track's last one, and one before a gap, is shorter.
            hold: keep each chunk back until the next is there, so that a track's last one can be marked; otherwise a
                chunk goes out as soon as it is full, and an empty one ends the track.
            finite: leave out samples that are no numbers, as sound that was lost: integers cannot say them.
        """
        self.stream = stream
        self.session = str(uuid.uuid4())
        self._seconds = seconds
        self._hold = hold
        self._finite = finite
        self._form: tuple[int, int] | None = None  # rate and channels
        self._size = 0
        self._parts: list[NDArray[np.float32]] = []
        self._count = 0  # samples in the parts
        self._next = 0  # index of the sample after them
        self._track: str | None = None
        self._in_track = False
        self._starts = False
        self._discontinuity = False
        self._captured_at: float | None = None
        self._ready: Chunk | None = None  # held back
        self._out = False  # some chunk of the track has been made

    def feed(self, chunk: AudioChunk) -> list[Chunk]:
        """Take sound; return what it completes.

        Raises:
            StreamError: the rate or the number of channels is another than before.
        """
        self._check(chunk)
        done: list[Chunk] = []
        track = None if chunk.track is None else chunk.track[:_LONGEST_TITLE]
        if self._in_track and (chunk.starts_track or track != self._track):
            done += self._end_track()
        if not self._in_track:
            self._in_track = self._starts = True
            self._out = False
            self._track = track
        if chunk.discontinuity or chunk.first_sample != self._next:
            done += self._cut()
            self._discontinuity = True
            self._next = chunk.first_sample
        samples, after = chunk.samples, chunk.first_sample + len(chunk.samples)
        if self._finite and not (good := np.isfinite(samples).all(axis=1)).all():
            bad = np.flatnonzero(~good)
            done += self._fill(samples[: bad[0]], chunk, after - len(samples))
            done += self._cut()
            self._discontinuity = True
            self._next += int(bad[-1]) + 1 - int(bad[0])  # all between the first and the last: damage comes in heaps
            samples = samples[bad[-1] + 1 :]
        done += self._fill(samples, chunk, after - len(samples))
        if chunk.ends_track:
            done += self._end_track()
        return done

    def close(self) -> list[Chunk]:
        """End the track that goes on, and with it the stream."""
        return self._end_track() if self._in_track else []

    def _check(self, chunk: AudioChunk) -> None:
        form = (chunk.samplerate, chunk.samples.shape[1])
        if self._form is None:
            self._form = form
            self._size = max(1, round(self._seconds * chunk.samplerate))
            self._next = chunk.first_sample
        elif form != self._form:
            raise StreamError(
                f"the sound changed from {self._form[0]} Hz and {self._form[1]} channels"
                f" to {form[0]} Hz and {form[1]} channels"
            )

    def _fill(self, samples: NDArray[np.float32], chunk: AudioChunk, first: int) -> list[Chunk]:
        done: list[Chunk] = []
        end = chunk.first_sample + len(chunk.samples)
        while len(samples):
            part = samples[: self._size - self._count]
            self._parts.append(part)
            self._count += len(part)
            first += len(part)
            self._next = first
            if chunk.captured_at is not None:
                self._captured_at = chunk.captured_at - (end - first) / chunk.samplerate
            samples = samples[len(part) :]
            if self._count == self._size:
                done += self._cut()
        return done

    def _cut(self) -> list[Chunk]:
        """Make a chunk of what is there, if anything, and return what may go out."""
        if not self._count:
            return []
        samples = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
        made = self._chunk(samples)
        self._parts, self._count = [], 0
        if not self._hold:
            return [made]
        before, self._ready = self._ready, made
        return [] if before is None else [before]

    def _end_track(self) -> list[Chunk]:
        done = self._cut()
        if self._ready is not None:
            done.append(self._ready)
            self._ready = None
        self._in_track = False
        if done:
            done[-1] = dataclasses.replace(done[-1], end=True)
        elif self._out:  # all of it has gone; a track without any sound is not announced and not ended
            assert self._form is not None  # a chunk has come
            nothing = np.empty((0, self._form[1]), dtype=np.float32)
            done.append(dataclasses.replace(self._chunk(nothing), end=True))
        return done

    def _chunk(self, samples: NDArray[np.float32]) -> Chunk:
        assert self._form is not None  # a chunk has come
        made = Chunk(
            stream=self.stream,
            session=self.session,
            seq=0,
            sample=self._next - len(samples),
            samples=samples,
            samplerate=self._form[0],
            track=self._track,
            start=self._starts,
            end=False,
            discontinuity=self._discontinuity,
            captured_at=self._captured_at,
        )
        self._starts = self._discontinuity = False
        self._out = True
        return made
