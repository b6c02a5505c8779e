"""The bounded buffer between the sources and the broker.

    outbox = Outbox(max_bytes=64_000_000, max_seconds=120)
    outbox.put(chunk, live=True, stop=stop)    # sources: waits for room, or drops the oldest sound of a live stream
    chunk = outbox.take(timeout=0.1)           # the sender: the next in order; it counts until it is confirmed
    outbox.confirm(chunk)

While the broker works, every source waits for room. While it is away, a live source cannot: what it recorded first and
nobody has sent yet is dropped, so that the loss is one hole, and the first chunk behind it says so.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque

from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.kafka.wire.chunks import Chunk

_POLL_SECONDS = 0.1
_CHUNK_BYTES = 512
"""What a chunk takes besides its samples, about."""

AWAY_SECONDS = 3.0
"""A broker that confirms nothing for so long is away."""

_MOST_TAKEN = 8_000_000
"""Bytes that may be on their way at once: what was taken can no longer be dropped."""


class Outbox:
    """Chunks that wait, and those that are on their way. Safe to use from several threads."""

    def __init__(self, max_bytes: int, max_seconds: float, away_after: float = AWAY_SECONDS) -> None:
        """Make an empty one.

        Args:
            max_bytes: so much sound it holds at most, over all streams.
            max_seconds: and no more than so long.
            away_after: a broker that confirms nothing for so many seconds is away.
        """
        self._changed = threading.Condition()
        self._waiting: deque[Chunk] = deque()
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._away_after = away_after
        self._most_taken = min(_MOST_TAKEN, max_bytes // 2)
        self._most_taken_seconds = max_seconds / 2
        self._bytes = self._taken_bytes = 0  # of all, and of those on their way
        self._seconds = self._taken_seconds = 0.0
        self._taken = 0
        self._since = time.monotonic()  # the last time that things were seen to work
        self._owed: dict[str, bool] = {}  # streams whose next chunk follows dropped sound; True: it begins the track
        self._refused: dict[str, str] = {}
        self._broken: StreamError | None = None
        self._closed = False
        self._dropped: dict[str, float] = {}  # seconds, by stream, not yet told
        self.lost_seconds = 0.0
        """Sound that was dropped or could not be delivered, in seconds."""

    @property
    def seconds(self) -> float:
        """Sound that waits or is on its way, in seconds."""
        return self._seconds

    @property
    def silent_for(self) -> float:
        """For how long the broker has not confirmed anything though it should, in seconds."""
        with self._changed:
            return time.monotonic() - self._since if self._waiting or self._taken else 0.0

    def put(self, chunk: Chunk, *, live: bool, stop: Stop) -> None:
        """Add a chunk; wait for room unless a stop is asked for.

        Raises:
            StreamError: the broker does not take this stream, or nothing at all any more.
        """
        with self._changed:
            while self._full() and not stop.requested:
                self._check(chunk.stream)
                if live and self._is_away() and self._drop_oldest(chunk.stream):
                    continue
                self._changed.wait(_POLL_SECONDS)
            self._check(chunk.stream)
            if not self._bytes:
                self._since = time.monotonic()
            if (start := self._owed.pop(chunk.stream, None)) is not None:
                chunk = _behind_a_loss(chunk, start=start)
            self._waiting.append(chunk)
            self._bytes += _size(chunk)
            self._seconds += seconds_of(chunk)
            self._changed.notify_all()

    def take(self, timeout: float) -> Chunk | None:
        """Return the next chunk, or None if none is there or enough are on their way after so many seconds."""
        with self._changed:
            if not self._may_take():
                self._changed.wait(timeout)
                if not self._may_take():
                    return None
            chunk = self._waiting.popleft()
            if not self._taken:
                self._since = time.monotonic()
            self._taken += 1
            self._taken_bytes += _size(chunk)
            self._taken_seconds += seconds_of(chunk)
            return chunk

    def confirm(self, chunk: Chunk, *, lost: bool = False) -> None:
        """Forget a chunk that was taken: it is in the log, or lost."""
        with self._changed:
            self._taken -= 1
            self._taken_bytes -= _size(chunk)
            self._taken_seconds -= seconds_of(chunk)
            self._forget(chunk, lost=lost)
            self._since = time.monotonic()
            self._changed.notify_all()

    def refuse(self, stream: str, reason: str) -> None:
        """Take nothing more of a stream; what waits of it is lost."""
        with self._changed:
            self._refused.setdefault(stream, reason)
            for chunk in [each for each in self._waiting if each.stream == stream]:
                self._waiting.remove(chunk)
                self._forget(chunk, lost=True)
            self._changed.notify_all()

    def fail(self, error: StreamError) -> None:
        """Take nothing more at all."""
        with self._changed:
            self._broken = error
            self._changed.notify_all()

    def close(self) -> None:
        """Say that nothing more comes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wake(self) -> None:
        """Make :meth:`take` return."""
        with self._changed:
            self._changed.notify_all()

    def wait_done(self, timeout: float) -> bool:
        """Wait so long for the closed outbox to be empty and all confirmed, and say whether it is."""
        with self._changed:
            return self._changed.wait_for(self._done, timeout)

    @property
    def done(self) -> bool:
        """Whether nothing more comes and all of it is confirmed."""
        with self._changed:
            return self._done()

    @property
    def failed(self) -> StreamError | None:
        """Why nothing more is taken."""
        return self._broken

    def check(self, stream: str) -> None:
        """Raise what :meth:`put` would, for a stream that is at its end.

        Raises:
            StreamError: the broker did not take all of this stream, or takes nothing any more.
        """
        with self._changed:
            self._check(stream)

    def refusals(self) -> dict[str, str]:
        """Return the streams of which nothing more is taken, and why."""
        with self._changed:
            return dict(self._refused)

    def abandon(self) -> float:
        """Count all that is left as lost, and return how much that is in seconds."""
        with self._changed:
            left = self._seconds if self._bytes else 0.0
            self.lost_seconds += left
            self._waiting.clear()
            self._bytes = self._taken_bytes = self._taken = 0
            self._seconds = self._taken_seconds = 0.0
            return left

    def take_dropped(self) -> dict[str, float]:
        """Return what was dropped since the last call, in seconds by stream."""
        with self._changed:
            dropped, self._dropped = self._dropped, {}
            return dropped

    def _done(self) -> bool:
        return self._broken is not None or (self._closed and not self._waiting and not self._taken)

    def _check(self, stream: str) -> None:
        if self._broken is not None:
            raise self._broken
        if stream in self._refused:
            raise StreamError(self._refused[stream])

    def _full(self) -> bool:
        return self._bytes >= self._max_bytes or self._seconds >= self._max_seconds

    def _may_take(self) -> bool:
        # One may always be on its way, however large it is.
        room = self._taken_bytes < self._most_taken and self._taken_seconds < self._most_taken_seconds
        return bool(self._waiting) and (room or not self._taken)

    def _is_away(self) -> bool:
        return time.monotonic() - self._since >= self._away_after

    def _drop_oldest(self, stream: str) -> bool:
        """Drop the oldest sound of a stream that was not taken yet, and say whether there was any."""
        places = [place for place, each in enumerate(self._waiting) if each.stream == stream]
        place = next((place for place in places if len(self._waiting[place].samples)), None)
        if place is None:
            return False
        chunk = self._waiting[place]
        self._forget(chunk, lost=True)
        self._dropped[stream] = self._dropped.get(stream, 0.0) + seconds_of(chunk)
        if chunk.end and not chunk.start:  # what went out of the track still needs its end
            end = chunk.sample + len(chunk.samples)
            closing = dataclasses.replace(chunk, sample=end, samples=chunk.samples[:0].copy(), discontinuity=True)
            self._waiting[place] = closing
            self._bytes += _size(closing)
            return True
        start = chunk.start and not chunk.end
        if place == places[-1]:
            self._owed[stream] = start
        else:
            after = places[places.index(place) + 1]
            self._waiting[after] = _behind_a_loss(self._waiting[after], start=start)
        del self._waiting[place]
        return True

    def _forget(self, chunk: Chunk, *, lost: bool) -> None:
        self._bytes -= _size(chunk)
        self._seconds -= seconds_of(chunk)
        if lost:
            self.lost_seconds += seconds_of(chunk)


def seconds_of(chunk: Chunk) -> float:
    """Return how much sound a chunk is, in seconds."""
    return len(chunk.samples) / chunk.samplerate


def _behind_a_loss(chunk: Chunk, *, start: bool) -> Chunk:
    return dataclasses.replace(chunk, discontinuity=True, start=chunk.start or start)


def _size(chunk: Chunk) -> int:
    return chunk.samples.nbytes + _CHUNK_BYTES
