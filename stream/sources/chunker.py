"""From decoded blocks of any size to chunks of one size, each with its place in the stream.

chunker = Chunker("song.mp3", seconds=0.25)
yield from chunker.feed(samples, samplerate)     # as many chunks as are full
yield from chunker.take(block, samplerate)       # the same for decoded sound, with what was lost before it
yield from chunker.lose(4410)                    # so many samples never came
yield from chunker.begin_track("Artist - Title")
yield from chunker.flush()                       # what is left
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from stream.sources.decode import Block
from stream.tagging.audio import AudioChunk, SourceItem, SourceStatus

_SHORTEST_SAID = 0.05
"""What is shorter would read as 0.0 s."""


class Chunker:
    """Counts samples and holds at most one chunk of them."""

    def __init__(self, stream: str, seconds: float, *, live: bool = False) -> None:
        """Make a chunker.

        Args:
            stream: name of the stream.
            seconds: length of a chunk.
            live: stamp chunks with the time at which they came.
        """
        self.stream = stream
        self.position = 0
        """Index of the next sample to come out."""
        self._seconds = seconds
        self._live = live
        self._samplerate = 0
        self._held: list[NDArray[np.float32]] = []
        self._track: str | None = None
        self._starts_track = False
        self._discontinuity = False

    def feed(self, samples: NDArray[np.float32], samplerate: int) -> list[AudioChunk]:
        """Take samples of shape (n, channels) at a rate in Hz that never changes; return the chunks they fill."""
        self._samplerate = samplerate
        size = max(1, int(self._seconds * samplerate))
        chunks = []
        while len(samples):
            room = size - self.held
            self._held.append(samples[:room])
            samples = samples[room:]
            if self.held == size:
                chunks += self.flush()
        return chunks

    def take(self, block: Block, samplerate: int) -> list[SourceItem]:
        """Take decoded sound; what was lost before it is passed over and becomes a warning, one for each damage."""
        items: list[SourceItem] = []
        if block.damaged:
            seconds = block.lost / samplerate
            at = (self.position + self.held) / samplerate
            amount = f"{seconds:.1f} s of sound are" if seconds >= _SHORTEST_SAID else "sound is"
            items += self.lose(block.lost)
            items.append(SourceStatus(self.stream, "warning", f"damaged: {amount} missing at {at:.1f} s", seconds))
        items += self.feed(block.samples, samplerate)
        return items

    @property
    def held(self) -> int:
        """Samples taken that have not come out yet."""
        return sum(map(len, self._held))

    def lose(self, count: int) -> list[AudioChunk]:
        """Pass over ``count`` samples that were lost (0: nobody knows how many)."""
        chunks = self.flush()
        self.position += count
        self._discontinuity = True
        return chunks

    def begin_track(self, title: str | None) -> list[AudioChunk]:
        """Make the next sample the first of a track."""
        chunks = self.flush()
        self._track = title
        self._starts_track = True
        return chunks

    def flush(self) -> list[AudioChunk]:
        """Return what is held as a chunk, if anything."""
        if not self._held:
            return []
        samples = np.concatenate(self._held)
        chunk = AudioChunk(
            self.stream,
            samples,
            self._samplerate,
            self.position,
            captured_at=time.time() if self._live else None,
            track=self._track,
            starts_track=self._starts_track,
            discontinuity=self._discontinuity,
        )
        self._held = []
        self.position += len(samples)
        self._starts_track = self._discontinuity = False
        return [chunk]
